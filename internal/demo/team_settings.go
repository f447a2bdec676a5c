package demo

import (
	"fmt"
	"time"
)

// userGroup is a group of people that can be mentioned.
type userGroup struct {
	name, description string
	members           []string
	subgroups         []string
	creator           string
	made              int // working days before the last one
	old               bool
}

// firstUserGroup is the id of the first of them: two organizations have their system groups before.
const firstUserGroup = 2*int64(systemGroups) + 1

func userGroups() []userGroup {
	return []userGroup{
		{"on-call", "Whoever has the telephone this week, and those who know where the charger is.", []string{"kofi", "dmitri", "ravi", "felix", "tomas"}, nil, "tomas", 156, false},
		{"designers", "Colours, icons, letters.", []string{"meilin", "hana", "chiara", "petra"}, nil, "meilin", 240, false},
		{"party-hosts", "People who can be asked about mapping parties.", []string{"keola", "zoe", "lars", "siobhan", "mikko"}, nil, "keola", 188, false},
		{"makers", "Everybody who makes Hedgerow.", []string{"nora", "priya"}, []string{"on-call", "designers"}, "priya", 150, false},
		{"renderer-rescue", "Kept the old renderer alive.", []string{"chiara", "marek"}, nil, "chiara", 230, true},
	}
}

// addUserGroups adds the groups with their members.
func (m *rowMaker) addUserGroups() {
	ids := map[string]int64{}
	for _, g := range userGroups() {
		at, creator := m.workday(g.made).Add(10*time.Hour), m.byKey[g.creator].id
		id := m.add("zerver_usergroup", always, values{"realm_id": m.id})
		ids[g.name] = id
		m.add("zerver_namedusergroup", always, with(namedGroupColumns(m.group(members)), values{
			"usergroup_ptr_id": id, "realm_id": m.id, "name": g.name, "description": g.description, "date_created": at, "creator_id": creator, "deactivated": g.old,
		}))
		m.note(at, eventGroupCreated, values{"modified_user_group_id": id, "acting_user_id": creator})
		for _, key := range g.members {
			who := m.byKey[key].id
			m.add("zerver_usergroupmembership", always, values{"user_group_id": id, "user_profile_id": who})
			m.note(at, eventGroupMemberJoined, values{"modified_user_group_id": id, "modified_user_id": who, "acting_user_id": creator})
		}
		for _, sub := range g.subgroups {
			m.add("zerver_groupgroupmembership", always, values{"supergroup_id": id, "subgroup_id": ids[sub]})
		}
	}
}

// addSettings adds what belongs to the organization as such.
func (m *rowMaker) addSettings() {
	id := m.id
	for _, name := range []string{"general", "announcements", "random", "support"} {
		m.add("zerver_defaultstream", always, values{"realm_id": id, "stream_id": m.byChannel[name].id})
	}
	m.add("zerver_realmdomain", always, values{"realm_id": id, "domain": "example.com", "allow_subdomains": false})
	m.add("zerver_realmfilter", always, values{"realm_id": id, "pattern": `#(?P<id>[0-9]+)`, "url_template": issueAddress, "order": 0})
	m.add("zerver_realmfilter", always, values{"realm_id": id, "pattern": `way/(?P<id>[0-9]+)`, "url_template": "https://map.hedgerow.example/way/{id}", "order": 1})
	m.add("zerver_realmplayground", always, values{"realm_id": id, "name": "Go playground", "pygments_language": "Go", "url_template": "https://play.hedgerow.example/go?code={code}"})
	for i, e := range customEmoji() {
		m.add("zerver_realmemoji", always, values{
			"realm_id": id, "author_id": m.byKey[e.author].id, "name": e.name, "file_name": fmt.Sprintf("%d.png", i+1), "deactivated": e.old,
		})
	}
	m.add("zerver_onboardingusermessage", always, values{"realm_id": id, "message_id": int64(1), "flags": 2}) // historical
	m.addProfileFields()
}

// addProfileFields adds what people tell of themselves.
func (m *rowMaker) addProfileFields() {
	field := func(name, hint string, kind, order int, data string, summary bool) int64 {
		return m.add("zerver_customprofilefield", always, values{
			"realm_id": m.id, "name": name, "hint": hint, "field_type": kind, "order": order, "field_data": data, "display_in_profile_summary": summary,
		})
	}
	const shortText, longText, choice, date, address, people, pronouns = 1, 2, 3, 4, 5, 6, 8
	fields := map[string]int64{
		"pronouns": field("Pronouns", "So that nobody needs to guess.", pronouns, 1, "", true),
		"place":    field("Where I walk", "", shortText, 2, "", true),
		"work":     field("What I look after", "So that people know whom to ask.", longText, 3, "", false),
		"surface": field("Favourite surface", "", choice, 4,
			`{"0": {"text": "gravel", "order": "1"}, "1": {"text": "moss", "order": "2"}, "2": {"text": "planks", "order": "3"}}`, false),
		"birthday": field("Birthday", "For cake.", date, 5, "", false),
		"home":     field("Home page", "", address, 6, "", false),
		"mentor":   field("Ask me or", "Who knows the same things.", people, 7, "", false),
	}
	for _, v := range []struct{ who, field, value string }{
		{"nora", "pronouns", "she/her"},
		{"nora", "place", "The forests around Oslo"},
		{"nora", "work", "Keeping us together. Words."},
		{"tomas", "work", "Servers, until they behave."},
		{"tomas", "surface", "0"},
		{"kofi", "pronouns", "he/him"},
		{"kofi", "work", "thicket (the tile server), and lunch"},
		{"kofi", "home", "https://kofi.hedgerow.example/"},
		{"lucia", "place", "Step-free, all of it"},
		{"siobhan", "work", "Hedges"},
		{"siobhan", "surface", "1"},
		{"mikko", "surface", "2"},
		{"mikko", "place", "Bogs"},
		{"hana", "pronouns", "she/her"},
		{"hana", "birthday", "1991-11-03"},
		{"wren", "pronouns", "they/them"},
		{"wren", "mentor", fmt.Sprintf("[%d, %d]", m.byKey["kofi"].id, m.byKey["maya"].id)},
		{"rosa", "mentor", fmt.Sprintf("[%d]", m.byKey["viktor"].id)},
		{"keola", "place", "Wherever there is a party"},
	} {
		row := values{"user_profile_id": m.byKey[v.who].id, "field_id": fields[v.field], "value": v.value}
		if v.field == "work" || v.field == "place" {
			row["rendered_value"] = "<p>" + v.value + "</p>"
		}
		m.add("zerver_customprofilefieldvalue", always, row)
	}
}
