// Package httpapi answers HTTP requests as a Zulip server does for its data export (api.md): the export endpoints, what the official
// clients need around them (server settings, event queues, the consent setting) and the downloads; and, below
// /realmport/v1, what Zulip does not have: an export's progress, as it changes, and its cancelling.
//
// openapi.yaml describes all of it; a test holds it to what is answered.
package httpapi
