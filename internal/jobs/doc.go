// Package jobs runs the work on exports, in this process or in another one that has the same state database: a file of
// SQLite, or a schema of PostgreSQL. It is the only package that knows the job engine, River.
//
// A job is only the runner: what an export is, how often its work was begun and whether somebody is at it is known from
// the export's row and its run. So the engine retries nothing by itself, a job holds no more than the export's id,
// and losing all jobs loses nothing that Enqueue would not bring back.
//
// The engine has no heartbeat: the job of a process that was killed stays running, for ever, and stands in the way of another one
// for the same export. Whoever sees that the work has fallen silent calls Requeue.
//
// A part of an archive that several processes make together is a job of a second kind, in a queue of its own. What holds for exports holds for parts: the
// truth is elsewhere, and the engine retries nothing.
package jobs
