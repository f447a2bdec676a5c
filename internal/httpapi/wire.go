package httpapi

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"time"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/exports"
)

// wire turns exports into what answers and events say of them, in the dialect of the feature level.
type wire struct{ o *Options }

// wireExport is an export as api.md §1.5 has it, with its keys in the documented order.
type wireExport struct {
	ID               int64   `json:"id"`
	ExportTime       int64   `json:"export_time"`
	ActingUserID     int64   `json:"acting_user_id"`
	ExportURL        *string `json:"export_url"`
	DeletedTimestamp *int64  `json:"deleted_timestamp"`
	FailedTimestamp  *int64  `json:"failed_timestamp"`
	Pending          bool    `json:"pending"`
	ExportType       any     `json:"export_type"`
	// FromPriorServer is false: realmport takes no exports over. Nil leaves it out.
	FromPriorServer *bool `json:"export_from_prior_server,omitzero"`
}

func (w wire) export(e *realmport.Export, realm *realmport.Realm) wireExport {
	we := wireExport{
		ID: e.ID, ExportTime: e.Requested.Unix(), ActingUserID: e.ActingUser, ExportURL: w.url(e, realm),
		DeletedTimestamp: seconds(e.Deleted), FailedTimestamp: seconds(e.Failed), Pending: e.Status.Pending(), ExportType: w.exportType(e.Type),
	}
	if w.o.FeatureLevel >= priorServer {
		we.FromPriorServer = new(bool)
	}
	return we
}

func (w wire) exports(list []realmport.Export, realm *realmport.Realm) []wireExport {
	out := make([]wireExport, len(list))
	for i := range list {
		out[i] = w.export(&list[i], realm)
	}
	return out
}

// seconds is a time in whole seconds, rounded down; nil if it is not set.
func seconds(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	s := t.Unix()
	return &s
}

// url is where an archive can be downloaded, nil if it cannot. It is made when it is asked for, so that it follows
// a renamed organization, and a link that expires is new each time.
func (w wire) url(e *realmport.Export, realm *realmport.Realm) *string {
	if e.Status != realmport.Succeeded {
		return nil
	}
	if w.o.Link != nil {
		if link, ok := w.o.Link(e.Path); ok {
			return &link
		}
		return nil
	}
	if _, ours := (exports.Folder{}).Archive(e.Path); !ours {
		return nil
	}
	u := w.o.Hosts.URL(realm.StringID) + e.Path
	if w.o.Download.TTL > 0 {
		expires := w.o.Clock.Now().Add(w.o.Download.TTL).Unix()
		u += "?expires=" + strconv.FormatInt(expires, 10) + "&sig=" + sign(w.o.Download.Key, "download", e.Path, expires)
	}
	return &u
}

// typeNames are the export types of the newer dialect (api.md §8).
var typeNames = map[realmport.ExportType]string{
	realmport.Public: "public", realmport.Standard: "full_with_consent", realmport.Full: "full_without_consent",
}

func (w wire) exportType(t realmport.ExportType) any {
	if w.o.FeatureLevel >= stringTypes {
		return typeNames[t]
	}
	return int(t)
}

// parseExportType reads the parameter export_type of that raw text.
func (w wire) parseExportType(raw string) (realmport.ExportType, error) {
	const name = "export_type"
	refused := realmport.Errorf(realmport.Invalid, "Invalid %s: Value error, Not in the list of possible values", name)
	if w.o.FeatureLevel >= stringTypes {
		for t, s := range typeNames {
			if raw == s {
				return t, nil
			}
		}
		return 0, refused
	}
	n, err := parseInteger(name, raw)
	if err != nil {
		return 0, err
	}
	if t := realmport.ExportType(n.Value); t == realmport.Public || t == realmport.Standard {
		return t, nil
	}
	return 0, refused
}

// sign returns a signature of a text for one purpose until a time.
func sign(key []byte, purpose, text string, expires int64) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(purpose + "\n" + strconv.FormatInt(expires, 10) + "\n" + text))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// signed tells whether sig is that signature and its time has not come.
func signed(key []byte, purpose, text, expires, sig string, now time.Time) bool {
	until, err := strconv.ParseInt(expires, 10, 64)
	if err != nil || now.Unix() >= until {
		return false
	}
	return hmac.Equal([]byte(sig), []byte(sign(key, purpose, text, until)))
}
