package export

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/catalog"
	"github.com/realmport/realmport/internal/encode"
)

// rewrite changes a row in place before it is written, or says that it does not belong to the export.
type rewrite func(row realmport.Row) (keep bool, err error)

func keepAll(realmport.Row) (bool, error) { return true, nil }

// rewriteFor returns the treatment that a table's rows get beyond their selection.
func (r *run) rewriteFor(t *table) rewrite {
	switch t.Name {
	case catalog.Subscriptions:
		return r.subscription(t)
	case "zerver_realmauditlog":
		return r.auditEntry(t)
	case "zerver_onboardingusermessage":
		return r.ofMessage(t)
	case "zerver_reaction":
		inMessage, emoji := r.ofMessage(t), r.knownEmoji(t)
		return func(row realmport.Row) (bool, error) {
			if keep, err := inMessage(row); !keep || err != nil {
				return keep, err
			}
			return emoji(row)
		}
	case "zerver_userstatus":
		return r.knownEmoji(t)
	case "zerver_realmemoji":
		return r.realmEmoji(t)
	default:
		return keepAll
	}
}

// ofMessage keeps the rows about exported messages.
func (r *run) ofMessage(t *table) rewrite {
	at := t.at["message_id"]
	return func(row realmport.Row) (bool, error) {
		id, err := encode.Int(row[at])
		return r.sel.messages.Has(id), err
	}
}

// auditEntry hides who acted if they are not of this organization.
func (r *run) auditEntry(t *table) rewrite {
	at, ok := t.at["acting_user_id"]
	return func(row realmport.Row) (bool, error) {
		if !ok || row[at] == nil {
			return true, nil
		}
		id, err := encode.Int(row[at])
		if !r.sel.all.Has(id) {
			row[at] = nil
		}
		return true, err
	}
}

// realmEmoji notes the custom emoji that the archive has, and their files.
func (r *run) realmEmoji(t *table) rewrite {
	return func(row realmport.Row) (bool, error) {
		id, err := encode.Int(row[t.at["id"]])
		if err != nil {
			return false, err
		}
		name := string(row[t.at["name"]])
		r.emoji[strconv.FormatInt(id, 10)] = name
		e := customEmoji{id: id, name: name, file: bytes.Clone(row[t.at["file_name"]]), deactivated: isTrue(row[t.at["deactivated"]])}
		if author := row[t.at["author_id"]]; author != nil {
			if id, err = encode.Int(author); err != nil {
				return false, err
			}
			if r.sel.senders.Has(id) {
				e.author = &id
			}
		}
		r.addEmojiFiles(e)
		return true, nil
	}
}

// knownEmoji leaves out what shows a custom emoji that the archive lacks: the importer stops at it (format.md §6.4).
func (r *run) knownEmoji(t *table) rewrite {
	kind, coded := t.at["reaction_type"]
	code, name := t.at["emoji_code"], t.at["emoji_name"]
	if !coded {
		return keepAll // of a version before custom emoji
	}
	return func(row realmport.Row) (bool, error) {
		if string(row[kind]) != "realm_emoji" {
			return true, nil
		}
		if known, ok := r.emoji[string(row[code])]; ok && known == string(row[name]) {
			return true, nil
		}
		id, err := encode.Int(row[t.at["id"]])
		if err != nil {
			return false, err
		}
		return false, r.missing.add(realmport.Missing{
			Kind: "row", Table: t.Name, ID: id,
			Reason: fmt.Sprintf("custom emoji %q (%.40q) is not in the archive", row[code], row[name]),
		})
	}
}

// subscription leaves out what no visible user has, and scrubs what belongs to users who do not consent (format.md §2.5, §2.6).
func (r *run) subscription(t *table) rewrite {
	kept := []string{"id", "user_profile_id", "recipient_id", "active", "is_user_active"}
	id, user, recipient := t.at["id"], t.at["user_profile_id"], t.at["recipient_id"]
	colour, coloured := t.at["color"]
	return func(row realmport.Row) (bool, error) {
		var n [3]int64
		for i, at := range []int{id, user, recipient} {
			v, err := encode.Int(row[at])
			if err != nil {
				return false, err
			}
			n[i] = v
		}
		if r.sel.conversations.Has(n[2]) && !r.sel.all.Has(n[1]) {
			return false, nil
		}
		if r.Type == realmport.Full || r.sel.consenting.Has(n[1]) {
			return true, nil
		}
		for i, c := range t.columns {
			if !slices.Contains(kept, c.Name) {
				row[i] = zero(c)
			}
		}
		if coloured {
			row[colour] = r.seed.colour(n[0])
		}
		return true, nil
	}
}

// zero is what a column holds when nothing is known: null where that is allowed.
func zero(c *realmport.Column) []byte {
	if c.Nullable {
		return nil
	}
	switch c.Kind {
	case realmport.Bool:
		return []byte{0}
	case realmport.JSON:
		return []byte("{}")
	case realmport.Int, realmport.Time:
		return make([]byte, 8)
	case realmport.UUID:
		return make([]byte, 16)
	default:
		return []byte{}
	}
}

// exportEntry is the audit entry about this export. With it the importer knows that the data come from Zulip (format.md §6.6.3).
func (r *run) exportEntry(t *table, lastID int64) realmport.Row {
	row := make(realmport.Row, len(t.columns))
	for i, c := range t.columns {
		row[i] = zero(c)
	}
	set := func(column string, v []byte) {
		if at, ok := t.at[column]; ok {
			row[at] = v
		}
	}
	set("id", integer(lastID+1))
	set("realm_id", integer(r.realm.ID))
	set("event_type", integer(catalog.RealmExported))
	set("event_time", encode.TimeValue(r.asOf().UnixMicro()))
	set("extra_data", []byte("{}"))
	return row
}

func integer(n int64) []byte { return binary.BigEndian.AppendUint64(nil, uint64(n)) }

// setting is a column that scrubbed users share with the realm's defaults.
type setting struct {
	at    int
	value []byte
}

// scrubUser resets a user who does not consent (format.md §2.3).
func (r *run) scrubUser(t *table, settings []setting, domain string) rewrite {
	dummy, active, address := t.at["is_mirror_dummy"], t.at["is_active"], t.at["delivery_email"]
	return func(row realmport.Row) (bool, error) {
		id, err := encode.Int(row[t.at["id"]])
		if err != nil || r.Type == realmport.Full || r.sel.consenting.Has(id) {
			return true, err
		}
		u := r.sel.users[id]
		if !u.dummy && !r.sel.normal.Has(id) {
			row[dummy], row[active] = []byte{1}, []byte{0}
		}
		if u.visibility == visibilityNobody {
			row[address] = []byte(r.seed.address(id) + "@" + domain)
			if r.Type == realmport.Public {
				row[dummy], row[active] = []byte{1}, []byte{0}
			}
		}
		for _, s := range settings {
			row[s.at] = s.value
		}
		return true, nil
	}
}

var domainName = regexp.MustCompile(`(?i)^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{1,62}[a-z0-9]$`)

// domain is the mail domain of addresses that stand in for hidden ones: the organization's host, as
// the options say, or else as the server itself used it for such addresses.
func (r *run) domain() string {
	host := r.ExternalHost
	if host != "" && r.realm.StringID != "" {
		host = r.realm.StringID + "." + host
	}
	if domainName.MatchString(host) || host == "localhost" {
		return host
	}
	for _, id := range r.sel.all.Slice() {
		prefix := fmt.Sprintf("user%d@", id)
		if email := r.sel.users[id].email; len(email) > len(prefix) && email[:len(prefix)] == prefix {
			return email[len(prefix):]
		}
	}
	r.warn("the organization's host name is unknown, so hidden e-mail addresses end in @hidden.invalid: give --external-host")
	return "hidden.invalid"
}
