package markup

import (
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"pgregory.net/rapid"
)

// names knows a few.
type names struct{}

func (names) User(name string) (int64, bool)    { return 7, name == "Nora <L>" }
func (names) Group(name string) (int64, bool)   { return 9, name == "design" }
func (names) Channel(name string) (int64, bool) { return 3, name == "general chat" }
func (names) Issue(number string) string        { return "https://issues.test/" + number }

func (names) Emoji(name string) (string, string, bool) {
	switch name {
	case "tada":
		return "1f389", "", true
	case "hedge_hog":
		return "", "/user_avatars/2/emoji/images/1.png", true
	}
	return "", "", false
}

func TestRender(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                              "",
		"a < b & \"c\"":                 "<p>a &lt; b &amp; \"c\"</p>",
		"one\ntwo\n\nthree":             "<p>one<br>\ntwo</p>\n<p>three</p>",
		"**bold** *em* `a<b` **":        "<p><strong>bold</strong> <em>em</em> <code>a&lt;b</code> **</p>",
		"2 * 3 * 4":                     "<p>2 * 3 * 4</p>",
		"hi @**Nora <L>**, @**Nobody**": `<p>hi <span class="user-mention" data-user-id="7">@Nora &lt;L&gt;</span>, @<strong>Nobody</strong></p>`,
		"@_**Nora <L>**":                `<p><span class="user-mention silent" data-user-id="7">Nora &lt;L&gt;</span></p>`,
		"@*design* @**all**":            `<p><span class="user-group-mention" data-user-group-id="9">@design</span> <span class="user-mention channel-wildcard-mention" data-user-id="*">@all</span></p>`,
		"#**general chat** #12 x#12":    `<p><a class="stream" data-stream-id="3" href="/#narrow/channel/3-general%20chat">#general chat</a> <a href="https://issues.test/12">#12</a> x#12</p>`,
		":tada: :nothing: 10:30":        `<p><span aria-label="tada" class="emoji emoji-1f389" role="img" title="tada">:tada:</span> :nothing: 10:30</p>`,
		":hedge_hog:":                   `<p><img alt=":hedge_hog:" class="emoji" src="/user_avatars/2/emoji/images/1.png" title="hedge hog"></p>`,
		"[x](https://a.test/?a&b)":      `<p><a href="https://a.test/?a&amp;b">x</a></p>`,
		"[x](javascript:alert(1))":      `<p>[x](javascript:alert(1))</p>`,
		"see https://a.test/b.":         `<p>see <a href="https://a.test/b">https://a.test/b</a>.</p>`,
		"[p.png](/user_uploads/2/p.png)": `<p><a href="/user_uploads/2/p.png">p.png</a></p>` + "\n" +
			`<div class="message_inline_image"><a href="/user_uploads/2/p.png"><img src="/user_uploads/2/p.png"></a></div>`,
		"- a\n- *b*\nend":             "<ul>\n<li>a</li>\n<li><em>b</em></li>\n</ul>\n<p>end</p>",
		"1. a\n2. b":                  "<ol>\n<li>a</li>\n<li>b</li>\n</ol>",
		"> a\n> b":                    "<blockquote>\n<p>a<br>\nb</p>\n</blockquote>",
		"```quote\n- a\n```\nx":       "<blockquote>\n<ul>\n<li>a</li>\n</ul>\n</blockquote>\n<p>x</p>",
		"```go\nif a < b {\n\n}\n```": "<div class=\"codehilite\" data-code-language=\"go\"><pre><span></span><code>if a &lt; b {\n\n}\n</code></pre></div>",
		"```\nopen":                   "<div class=\"codehilite\"><pre><span></span><code>open\n</code></pre></div>",
		"| a | b |\n|---|---|\n| 1 | **2** |": "<table>\n<thead>\n<tr>\n<th>a</th>\n<th>b</th>\n</tr>\n</thead>\n<tbody>\n" +
			"<tr>\n<td>1</td>\n<td><strong>2</strong></td>\n</tr>\n</tbody>\n</table>",
	} {
		if got := Render(text, names{}); got != want {
			t.Errorf("%q:\ngot  %s\nwant %s", text, got, want)
		}
	}
	for _, text := range []string{"$$x<1$$", "```math\nx<1\n```"} {
		if got := Render(text, names{}); !strings.Contains(got, `<annotation encoding="application/x-tex">x&lt;1</annotation>`) {
			t.Errorf("%q: got %s", text, got)
		}
	}
}

// TestRenderIsSafe checks that no text gets a tag or an address of its own into the HTML.
func TestRenderIsSafe(t *testing.T) {
	t.Parallel()
	pieces := rapid.SampledFrom([]string{
		"<script>", "</p>", "\"", "'", "&", "**", "*", "`", "```", "```quote", "$$", "[a](", "](javascript:x)", ")", "https://", "/user_uploads/", "\n", "> ", "- ", "1. ",
		"@**", "@*", "#**", ":", "|", "|---|", "tada", "Nora <L>", "x", " ", "\xff", "é", "#1", "onclick=", "<img src=x onerror=y>",
	})
	allowed := regexp.MustCompile(`^(https?://|/user_uploads/|/user_avatars/|/#narrow/)`)
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(pieces, 0, 40).Draw(t, "pieces"), "")
		z := html.NewTokenizer(strings.NewReader(Render(text, names{})))
		for z.Next() != html.ErrorToken {
			token := z.Token()
			if token.Data == "script" && token.Type != html.TextToken {
				t.Fatalf("%q made a script", text)
			}
			for _, a := range token.Attr {
				switch a.Key {
				case "href", "src":
					if !allowed.MatchString(a.Val) {
						t.Fatalf("%q made the address %q", text, a.Val)
					}
				case "class", "title", "alt", "role", "aria-label", "encoding", "xmlns", "data-user-id", "data-user-group-id", "data-stream-id", "data-code-language":
				default:
					t.Fatalf("%q made the attribute %q", text, a.Key)
				}
			}
		}
	})
}
