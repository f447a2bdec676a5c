package httpapi

import (
	"html/template"
	"net/http"
	"strings"
)

const htmlType = "text/html; charset=utf-8"

// pageTemplate is the frame of all pages. Form is nil on all but the login page.
var pageTemplate = template.Must(template.New("page").Parse(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{.Title}}</title>
</head>
<body>
<main>
<h1>{{.Title}}</h1>
{{if .Text}}<p{{if .Form}} role="alert"{{end}}>{{.Text}}</p>
{{end}}{{with .Form}}<form method="post" action="/login/">
<input type="hidden" name="next" value="{{.Next}}">
<p><label for="email">E-mail address</label><br>
<input id="email" name="email" type="email" autocomplete="username" required value="{{.Email}}"></p>
<p><label for="key">API key</label><br>
<input id="key" name="api_key" type="password" autocomplete="current-password" required></p>
<p><button type="submit">Log in</button></p>
</form>
{{end}}{{with .Links}}<ul>
{{range .}}<li><a href="{{.Path}}">{{.Text}}</a></li>
{{end}}</ul>
{{end}}</main>
</body>
</html>
`))

// page is what a page says.
type page struct {
	Title, Text string
	Form        *loginForm
	Links       []link
}

// link leads to a path of this server.
type link struct{ Path, Text string }

// homePage says where one is.
func (c *call) homePage() {
	if c.r.Method != http.MethodGet && c.r.Method != http.MethodHead {
		c.methodNotAllowed()
		return
	}
	c.noCache()
	c.show(http.StatusOK, page{
		Title: "realmport", Text: "This server answers Zulip's API for data exports.",
		Links: []link{
			{"/realmport/v1/openapi.yaml", "What it can be asked, as an OpenAPI description"},
			{"/login/", "Log in, to follow links to exports in this browser"},
		},
	})
}

// show answers with a page.
func (c *call) show(status int, p page) {
	var b strings.Builder
	if err := pageTemplate.Execute(&b, p); err != nil {
		panic(err) // a template that does not fit its data is a broken program
	}
	c.w.Header().Set("Content-Security-Policy", "default-src 'none'; form-action 'self'; frame-ancestors 'none'")
	c.write(status, htmlType, []byte(b.String()))
}

func (c *call) page(status int, title, text string) { c.show(status, page{Title: title, Text: text}) }

func (c *call) badRequest(text string) {
	c.page(http.StatusBadRequest, "Bad Request (400)", text)
}

func (c *call) tooLarge() {
	c.page(http.StatusRequestEntityTooLarge, "Request too large (413)", "The request is larger than this server accepts.")
}

// redirect sends a browser to another path of this server.
func (c *call) redirect(status int, path string) {
	c.w.Header().Set("Location", path)
	c.write(status, htmlType, nil)
}

// commonHeaders sets what all answers have (api.md §3.1), in the reference mostly by its front proxy. Strict-Transport-Security
// is said only where HTTPS is spoken.
func (c *call) commonHeaders(path string) {
	h := c.w.Header()
	h.Set("Vary", "Accept-Language")
	h.Set("Content-Language", "en")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	if c.api.o.Hosts.Scheme == "https" {
		h.Set("Strict-Transport-Security", "max-age=15768000")
	}
	if !strings.HasPrefix(path, "/api/") {
		return
	}
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Allow-Headers", "Authorization")
	h.Set("Access-Control-Allow-Methods", "GET, POST, DELETE, PUT, PATCH, HEAD")
	if path == eventsPath {
		h.Set("Access-Control-Allow-Methods", eventsMethods)
	}
}

// noCache is for answers that come from a handler; refusals do not have it.
func (c *call) noCache() {
	h := c.w.Header()
	h.Set("Expires", c.now().UTC().Format(http.TimeFormat))
	h.Set("Cache-Control", "max-age=0, no-cache, no-store, must-revalidate, private")
}
