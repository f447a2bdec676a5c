// Package store keeps the directory of organizations and users, the rows of exports and the work on them in
// databases: realmport.Directory, realmport.Exports and realmport.Runs, once for PostgreSQL and SQLite.
//
// There are two databases. The organizations' has the tables of a Zulip server, whoever made them: a live server's
// PostgreSQL, or the embedded store. The state's has what Zulip has no place for, in tables of realmport's own.
//
// The caller opens and closes them. For SQLite the data source name should set _txlock=immediate and a
// busy_timeout, as other processes may write to the same file.
package store
