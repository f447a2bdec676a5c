package main

// figures are what the model is made of, each of one processor of the machine that was measured, in seconds and bytes if nothing else is said.
type figures struct {
	worker, source float64 // processor time of a message with its usermessages: of who makes the part, and of PostgreSQL
	archive        float64 // bytes of a message with its usermessages in the archive
	selection      float64 // messages a second whose senders and recipients the coordinator reads
	fixed          float64 // seconds of an export by a team that do not grow
	small          float64 // the same of any export's processor time
	base           float64 // bytes of memory of a process at work, less what grows

	tableRows float64 // rows of other tables for each message
	tableRow  float64 // seconds of one, which the coordinator alone writes
	tableByte float64 // bytes of one in the archive

	latency float64 // seconds of a request to the storage
	copying float64 // bytes a second of one copy within the storage
	moving  float64 // bytes a second of reading and writing a stored part
	object  float64 // processor time of a small object
}

// measured are the figures of make bench-scale on 2026-11-25, on two processors of an Intel Xeon at 2.8 GHz, compression 2, 16 usermessages for each message. What
// is not from there says where it is from.
func measured() figures {
	return figures{
		worker: 22e-6, source: 20e-6, archive: 186, selection: 520_000, fixed: 1, small: 0.3, base: 45 << 20,
		// A reaction for every fifth message, a line of the audit log for every twentieth. A row costs the one who writes it what a usermessage does, and
		// what the source takes for it, one after the other.
		tableRows: 0.25, tableRow: 3e-6, tableByte: 20,
		latency: 20e-3, // as injected there
		copying: 100e6, // assumed
		moving:  77e6, object: 475e-6,
	}
}

// What the program itself sets.
const (
	messagesPerFile = 1000
	fewestFiles     = 8 // internal/export: of a part
	mostFiles       = 64
	mostParts       = 2000     // beyond that, parts grow
	turnPause       = 0.5      // internal/exports: an export that waits asks every second; so long a place stays empty in the mean
	lookEvery       = 0.5      // cmd/realmport: how often the coordinator looks at its parts
	callTime        = 0.05     // until a worker is called for a part: internal/jobs waits for 0.02, the rest are statements
	leastCopy       = 5 << 20  // S3: a part of an upload has that at least, but for the last
	uploadParts     = 10_000   // S3: and there are so many of them
	uploadPart      = 8 << 20  // internal/blob/s3: a part of what is written, which grows by half after each thousand
	uploadsAtOnce   = 3        // of them in memory: two on their way, one in the making
	buildMemory     = 4 << 20  // internal/export: of a part in the making; the rest is in a temporary file
	growEvery       = 1000     //
	frugal          = 5000     // after so many parts, smaller ones are not copied
	copiesAtOnce    = 8        //
	filesPerTeam    = 256      // internal/export: small files in a part
	bytesPerTeam    = 16 << 20 //
	objectsAtOnce   = 32       // s3.parallel, of each process
)
