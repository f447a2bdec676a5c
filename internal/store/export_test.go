package store

// ListActive is the query for what is at work or waits.
func ListActive(r *Runs) string { return r.statement(listActive) }
