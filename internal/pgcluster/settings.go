package pgcluster

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// superuser is the name of the cluster's only role.
const superuser = "postgres"

// hostRules lets everyone in who comes from this machine by TCP, and nobody else.
//
//nolint:dupword // any database, any user
const hostRules = `# type database user address method
host all all 127.0.0.1/32 trust
host replication all 127.0.0.1/32 trust
`

// configuration is the text of postgresql.conf: fast rather than durable, with memory
// for a machine that runs tests beside it. A commit still survives Kill, though not the
// machine's own crash.
func configuration(port int, extra map[string]string) string {
	settings := map[string]string{
		"listen_addresses":        "127.0.0.1",
		"port":                    strconv.Itoa(port),
		"unix_socket_directories": ".",   // the data directory: its full path may be too long for a socket
		"max_connections":         "400", // tests of several processes have many
		"shared_buffers":          "256MB",
		"maintenance_work_mem":    "256MB",
		"work_mem":                "16MB",
		"fsync":                   "off",
		"full_page_writes":        "off",
		"max_wal_size":            "8GB",
		"checkpoint_timeout":      "30min",
		"timezone":                "UTC",
		"log_min_messages":        "warning",
		"lc_messages":             "C",
	}
	maps.Copy(settings, extra)
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		fmt.Fprintf(&b, "%s = '%s'\n", name, strings.ReplaceAll(settings[name], "'", "''"))
	}
	return b.String()
}
