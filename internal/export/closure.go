package export

import (
	"fmt"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/catalog"
	"github.com/realmport/realmport/internal/encode"
	"github.com/realmport/realmport/internal/idset"
)

// closure keeps references inside the archive: it knows which rows of each table the archive holds.
type closure struct {
	ids     map[string]*idset.Set
	targets map[string]bool // tables that any exported column refers to
	clients *idset.Set      // written for whoever refers to them, so they are noted instead of checked
}

const clients = "zerver_client"

func (r *run) newClosure() *closure {
	s := r.sel
	c := &closure{targets: map[string]bool{}, clients: s.clients, ids: map[string]*idset.Set{
		"zerver_realm":     idset.New(r.realm.ID),
		catalog.Users:      s.senders, // the realm's and the system bots
		"zerver_usergroup": s.groups, "zerver_namedusergroup": s.named, "zerver_stream": s.streams,
		"zerver_recipient": r.knownRecipients(), "zerver_message": s.messages,
	}}
	for _, t := range r.order {
		for _, ref := range t.refs {
			c.targets[ref.target] = true
			if r.tables[ref.target] == nil {
				c.ids[ref.target] = idset.New() // a table that is not exported: no row of it is in the archive
			}
		}
	}
	c.targets["zerver_scheduledmessage"] = true // by the attachments' links
	return c
}

// begin makes room for the ids of a table's rows, unless they are known beforehand.
func (c *closure) begin(table string) {
	if c.targets[table] && c.ids[table] == nil {
		c.ids[table] = idset.New()
	}
}

// check holds a row's references against what the archive has. A dangling one is emptied in place, or the
// row must not be written (keep is false). left reports what was done; nil when all is well.
func (c *closure) check(t *table, row realmport.Row) (keep bool, left []realmport.Missing, err error) {
	for _, ref := range t.refs {
		known := c.ids[ref.target]
		if row[ref.at] == nil || known == nil || ref.target == clients {
			continue
		}
		id, err := encode.Int(row[ref.at])
		if err != nil {
			return false, nil, err
		}
		if known.Has(id) {
			continue
		}
		own, err := encode.Int(row[t.at[t.PrimaryKey()]])
		if err != nil {
			return false, nil, err
		}
		m := realmport.Missing{Kind: "reference", Table: t.Name, ID: own, Path: ref.column, Reason: fmt.Sprintf("%s %d is not in the archive", ref.target, id)}
		if ref.dangling == catalog.Leave {
			m.Kind = "row"
			return false, []realmport.Missing{m}, nil
		}
		row[ref.at] = nil
		left = append(left, m)
	}
	return true, left, nil
}

// written records a row that the archive now holds.
func (c *closure) written(t *table, row realmport.Row) error {
	for _, ref := range t.refs {
		if ref.target == clients && row[ref.at] != nil {
			if err := note(c.clients, row[ref.at]); err != nil {
				return err
			}
		}
	}
	if c.targets[t.Name] && c.ids[t.Name] != nil {
		return note(c.ids[t.Name], row[t.at[t.PrimaryKey()]])
	}
	return nil
}

// note adds an id to a set.
func note(set *idset.Set, v []byte) error {
	id, err := encode.Int(v)
	if err == nil {
		set.Add(id)
	}
	return err
}
