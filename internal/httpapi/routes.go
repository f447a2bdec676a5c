package httpapi

import (
	"net/http"
)

// routes lists all paths. The pages for logging in are there only if wanted.
func routes(login bool) []*route {
	const (
		get    = http.MethodGet
		head   = http.MethodHead
		post   = http.MethodPost
		patch  = http.MethodPatch
		remove = http.MethodDelete
	)
	admin := rules{admin: true}
	session := rules{admin: true, session: true}
	list := []*route{
		rest("/api/v1/export/realm", []string{post, get, head}, admin, handlers{post: (*call).createExport, get: (*call).listExports}),
		rest("/api/v1/export/realm/{id}", []string{remove}, admin, handlers{remove: (*call).deleteExport}),
		rest("/api/v1/export/realm/consents", reading, admin, handlers{get: (*call).listConsents}),
		rest("/api/v1/settings", []string{patch}, rules{}, handlers{patch: (*call).changeSettings}),
		rest("/api/v1/settings/display", []string{patch}, rules{}, handlers{patch: (*call).changeSettings}),
		rest("/api/v1/settings/notifications", []string{patch}, rules{}, handlers{patch: (*call).changeSettings}),
		rest("/api/v1/register", []string{post}, rules{}, handlers{post: (*call).register}),
		special(eventsPath, []string{get, remove}, func(c *call) {
			c.events(handlers{get: (*call).getEvents, remove: (*call).deleteQueue})
		}),
		plain("/api/v1/server_settings", (*call).serverSettings),
		rest("/realmport/v1/exports/{id}", reading, session, handlers{get: (*call).exportStatus}),
		rest("/realmport/v1/exports/{id}/events", []string{get}, session, handlers{get: (*call).exportEvents}),
		rest("/realmport/v1/exports/{id}/cancel", []string{post}, session, handlers{post: (*call).cancelExport}),
		plain("/realmport/v1/openapi.yaml", (*call).openAPIYAML),
		plain("/realmport/v1/openapi.json", (*call).openAPIJSON),
		plain("/health", (*call).health),
		archives,
	}
	if login {
		list = append(
			list, special("/", reading, (*call).homePage), special("/login/", []string{get, head, post}, (*call).loginPage), special("/logout/", []string{post}, (*call).logoutPage),
		)
	}
	return list
}
