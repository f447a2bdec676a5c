// Package parts has the parts of an export made by several processes, on any machines that share a database of jobs, the source and a
// bucket. A Coordinator is the export's side: it holds the snapshot, says which parts there are, and waits for them. A Worker is the side of whoever
// makes them. What they know of each other is in realmport.Parts; jobs only wake workers, and losing them loses nothing.
//
// A part goes through these states, each change of which is one statement in the shared database:
//
//	added ──claim──> at work ──finish──> made ──> (the coordinator takes the result and drops it)
//	  ^                │  │
//	  └──give back─────┘  └──give back for good──> given up, and with it the attempt
//	  ^                │
//	  └──silence───────┘ another worker may claim it; what the silent one finishes later is refused, and it removes what it stored
//
// Each try stores the part under a name of its own, so that a late one overwrites nothing. When the coordinator falls silent its snapshot is gone:
// the attempt is ended, its parts are removed, and the export starts over with a new snapshot.
package parts
