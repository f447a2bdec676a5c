// Package events keeps the event queues of users who want to hear at once what changes in their organization (api.md §3.5).
//
// Queues are in memory. They are bounded in number and size, die if nobody reads them, and can be saved and loaded, so that they
// survive a clean restart.
package events
