package demo

import (
	"fmt"
	"slices"

	"github.com/realmport/realmport"
)

// Expectation is what an archive of the rules organization holds, by the rules that select
// rows, as a person worked it out row by row. Lists are in ascending order.
//
// Where realmport chose to differ from the reference, it says what realmport does: an attachment
// without its file is left out, and so is an onboarding message that points to
// nothing. It does not count the lines that an archive has about itself.
type Expectation struct {
	Messages      []int64
	UserMessages  int
	Users         []int64 // list zerver_userprofile
	MirrorDummies []int64 // list zerver_userprofile_mirrordummy
	CrossRealm    []int64 // list zerver_userprofile_crossrealm
	Consented     []int64 // in an archive of the standard type
	Recipients    []int64
	Clients       []int64
	// Rows are the ids of every list of the archive, by its name, and of the two link tables
	// of attachments, whose ids are not in the archive.
	Rows map[string][]int64
	// Files are paths, by the archive's folder: uploads, avatars, emoji, realm_icons.
	Files map[string][]string
}

// Expected returns what an archive of the type holds.
func Expected(t realmport.ExportType) Expectation {
	f := rulesFixture()
	rows := map[string][]int64{}
	for _, r := range f.rows {
		if _, ok := rows[r.table]; !ok && !slices.Contains(neverExported(), r.table) {
			rows[r.table] = f.ids(r.table, t)
		}
	}
	e := Expectation{Rows: rows, Files: rulesFiles(t)}
	e.Users, e.MirrorDummies = expectedUsers(t)
	e.CrossRealm = []int64{NotificationBot, EmailGateway, WelcomeBot}
	rows["zerver_userprofile"] = e.Users
	rows["zerver_userprofile_mirrordummy"] = e.MirrorDummies
	rows["zerver_userprofile_crossrealm"] = e.CrossRealm
	if t == realmport.Standard {
		e.Consented = []int64{Owner, Alice, Dave, BotA, BotC, Frank}
	}
	e.Messages = rows["zerver_message"]
	e.UserMessages = len(rows["zerver_usermessage"])
	e.Recipients = rows["zerver_recipient"]
	e.Clients = rows["zerver_client"]
	return e
}

// expectedUsers returns lists N and D.
func expectedUsers(t realmport.ExportType) (users, dummies []int64) {
	switch t {
	case realmport.Public:
		// Who is visible to nobody becomes a mirror dummy, deactivated or not.
		return []int64{Owner, Carol, Erin, BotA, BotB, BotC, Frank}, []int64{Alice, Bob, Dave, Grace}
	case realmport.Standard:
		// Who is active and does not consent becomes a mirror dummy.
		return []int64{Owner, Alice, Carol, BotA, BotC, Frank, Grace}, []int64{Bob, Dave, Erin, BotB}
	default:
		return []int64{Owner, Alice, Bob, Carol, Erin, BotA, BotB, BotC, Frank, Grace}, []int64{Dave}
	}
}

// neverExported returns the tables of the database that no archive has a list of.
func neverExported() []string {
	return []string{
		"analytics_fillstate", "analytics_installationcount", "django_migrations", "fts_update_log",
		"zerver_archivetransaction", "zerver_archivedmessage", "zerver_archivedusermessage",
		"zerver_defaultstreamgroup", "zerver_defaultstreamgroup_streams", "zerver_draft", "zerver_imageattachment",
		"zerver_missedmessageemailaddress", "zerver_pushdevicetoken", "zerver_submessage",
	}
}

// rulesFiles returns the files of an archive, as made by WriteRulesUploads. Only uploads depend
// on the type.
func rulesFiles(t realmport.ExportType) map[string][]string {
	files := map[string][]string{}
	for _, a := range rulesAttachments() {
		if a.in.has(t) && !a.lost {
			files["uploads"] = append(files["uploads"], a.path())
		}
	}
	for _, u := range []struct{ user, version int64 }{{Alice, 2}, {Bob, 1}} {
		base := fmt.Sprintf("%d/%s", RulesRealm, AvatarHash(u.user, u.version))
		files["avatars"] = append(files["avatars"], base+".original", base+".png")
	}
	images := fmt.Sprintf("%d/emoji/images/", RulesRealm)
	files["emoji"] = []string{images + "1.png", images + "1.png.original", images + "2.gif", images + "2.gif.original"}
	files["realm_icons"] = []string{
		fmt.Sprintf("%d/icon.original", RulesRealm), fmt.Sprintf("%d/icon.png", RulesRealm), fmt.Sprintf("%d/logo.png", RulesRealm),
	}
	for _, paths := range files {
		slices.Sort(paths)
	}
	return files
}
