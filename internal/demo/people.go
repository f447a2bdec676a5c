package demo

import (
	"fmt"
	"strings"
	"time"

	"github.com/realmport/realmport"
)

// member is a person of the demo organization, or a bot.
type member struct {
	id         int64
	key        string // by which the conversations name them
	name       string
	email      string // for the login
	role       realmport.Role
	bot        realmport.BotType
	owner      *member // of a bot
	system     bool    // of the organization of the system bots
	consents   bool
	visibility int // of the address: 1 everyone, 2 members, 3 administrators, 4 nobody, 5 moderators
	avatar     bool
	zone       string
	words      []string  // that they want to be told of, in small letters
	since      time.Time // when they joined
	until      time.Time // when they left; zero
	lastPost   int64     // the last message they sent, 0 if none
	lastSeen   time.Time
}

// recipient returns the id of the recipient that stands for the member.
func (m *member) recipient() int64 { return personalRecipients + m.id }

// there tells whether the member is in the organization at that time.
func (m *member) there(t time.Time) bool {
	return !m.since.After(t) && (m.until.IsZero() || m.until.After(t))
}

// The ids of the demo organization's members, and where its ids of recipients begin.
const (
	firstMember        = 8
	personalRecipients = 10
)

// person is a line of the list of people.
type person struct {
	key, name    string
	role         realmport.Role
	consents     bool
	visibility   int
	joined, left int // working days before the last one; left is 0 for who is still there
	zone         string
}

// people returns those who appear in the conversations. All names are invented.
func people() []person {
	const (
		owner, admin, moderator = realmport.Owner, realmport.Administrator, realmport.Moderator
		normal, guest           = realmport.Member, realmport.Guest
		first                   = workingDays
	)
	return []person{
		{"nora", "Nora Lindqvist", owner, true, 1, first, 0, "Europe/Oslo"},
		{"tomas", "Tomás Arriaga", owner, false, 3, first, 0, "Europe/Madrid"},
		{"priya", "Priya Nambiar", admin, true, 2, first, 0, "Asia/Kolkata"},
		{"jonas", "Jonas Oyelaran", admin, false, 1, first, 0, "Europe/Berlin"},
		{"meilin", "Meilin Zhou", admin, true, 3, first, 0, "Asia/Singapore"},
		{"samir", "Samir Haddadi", moderator, false, 1, first, 0, "Europe/Paris"},
		{"greta", "Greta Vossberg", moderator, true, 2, first, 0, "Europe/Berlin"},
		{"kofi", "Kofi Ansah-Boateng", moderator, false, 5, first, 0, "Africa/Accra"},
		{"adaeze", "Adaeze Okonjo", normal, true, 1, first, 0, "Africa/Lagos"},
		{"benedikt", "Benedikt Thorsen", normal, false, 2, first, 0, "Atlantic/Reykjavik"},
		{"chiara", "Chiara Bellandi", normal, true, 1, first, 0, "Europe/Rome"},
		{"dmitri", "Dmitri Kovalenko", normal, false, 3, first, 0, "Europe/Kyiv"},
		{"elif", "Elif Karahan", normal, false, 2, first, 0, "Europe/Istanbul"},
		{"felix", "Felix Achterberg", normal, true, 1, first, 0, "Europe/Amsterdam"},
		{"gabi", "Gabriela Montoya Ríos", normal, false, 1, first, 0, "America/Bogota"},
		{"hana", "Hana Kobayakawa", normal, true, 2, first, 0, "Asia/Tokyo"},
		{"ines", "Inês Falcão", normal, false, 3, first, 0, "Europe/Lisbon"},
		{"jakub", "Jakub Wiśniewicz", normal, false, 1, first, 0, "Europe/Warsaw"},
		{"keola", "Keola Makana", normal, true, 1, first, 0, "Pacific/Honolulu"},
		{"lars", "Lars Brekkehus", normal, false, 2, first, 0, "Europe/Oslo"},
		{"lucia", "Lucía Ferrandis", normal, true, 1, first, 0, "Europe/Madrid"},
		{"maya", "Maya Rosenthal-Ito", normal, false, 5, first, 0, "America/New_York"},
		{"mikko", "Mikko Särkelä", normal, false, 4, first, 0, "Europe/Helsinki"},
		{"nadia", "Nadia Benslimane", normal, true, 1, first, 0, "Africa/Casablanca"},
		{"oscar", "Óscar Quintanar", normal, false, 1, 150, 0, "America/Mexico_City"},
		{"petra", "Petra Novotná", normal, false, 2, first, 0, "Europe/Prague"},
		{"quentin", "Quentin Delacourt", normal, true, 3, 230, 0, "Europe/Paris"},
		{"ravi", "Ravi Deshpande", normal, false, 1, first, 0, "Asia/Kolkata"},
		{"rosa", "Rosa Tjahjadi", normal, false, 2, 24, 0, "Asia/Jakarta"},
		{"siobhan", "Siobhán Ní Mhurchadha", normal, true, 1, first, 0, "Europe/Dublin"},
		{"tariq", "Tariq Zubairi", normal, false, 4, 220, 0, "Asia/Karachi"},
		{"uma", "Uma Sundaresan", normal, false, 1, 200, 0, "Asia/Kolkata"},
		{"viktor", "Viktor Halász", normal, false, 3, first, 0, "Europe/Budapest"},
		{"wren", "Wren Aldersey", normal, true, 1, 32, 0, "Europe/London"},
		{"xinyi", "Xin Yi Toh", normal, false, 2, 30, 0, "Asia/Singapore"},
		{"yusuf", "Yusuf Demirtaş", normal, false, 1, first, 0, "Europe/Istanbul"},
		{"zoe", "Zoë van der Meulen", normal, true, 1, first, 0, "Europe/Amsterdam"},
		{"paolo", "Paolo Grimaldesi", guest, false, 2, 140, 0, "Europe/Rome"},
		{"amara", "Amara Diallo-Smythe", guest, true, 1, 90, 0, "Africa/Dakar"},
		{"henrik", "Henrik Solbakken", guest, false, 3, 110, 0, "Europe/Copenhagen"},
		{"lotte", "Lotte Waldeck", guest, false, 4, 95, 0, "Europe/Vienna"},
		{"marek", "Marek Dudziak", normal, false, 1, first, 100, "Europe/Warsaw"},
		{"imani", "Imani Wafula", normal, true, 2, first, 60, "Africa/Nairobi"},
	}
}

// addPeople makes the members from the lists, and so many more.
func (t *team) addPeople(crowd int) {
	words := alertWords()
	for _, p := range people() {
		m := &member{
			key: p.key, name: p.name, email: p.key + "@example.com", role: p.role, consents: p.consents, visibility: p.visibility,
			avatar: p.key != "mikko" && p.key != "marek", zone: p.zone, words: words[p.key], since: t.workday(p.joined).Add(8 * time.Hour),
		}
		if p.left > 0 {
			m.until = t.workday(p.left).Add(18 * time.Hour)
		}
		t.add(m)
	}
	for _, b := range []struct {
		key, name, owner string
		bot              realmport.BotType
		role             realmport.Role
	}{
		{"tracker", "Issue tracker", "dmitri", realmport.GenericBot, realmport.Member},
		{"ci", "Builds", "felix", realmport.IncomingWebhook, realmport.Member},
		{"weather", "Weathervane", "keola", realmport.OutgoingWebhook, realmport.Member},
		{"keeper", "Housekeeper", "tomas", realmport.GenericBot, realmport.Administrator},
	} {
		t.add(&member{
			key: b.key, name: b.name, email: b.key + "-bot@" + t.mailDomain(), role: b.role, bot: b.bot, owner: t.byKey[b.owner],
			visibility: 1, avatar: true, since: t.workday(workingDays).Add(9 * time.Hour),
		})
	}
	for i := range crowd {
		h := scramble(uint64(i) + 1<<32)
		name := crowdName(i)
		t.add(&member{
			key: fmt.Sprintf("crowd%d", i), name: name, role: realmport.Member, consents: h%3 == 0, visibility: []int{1, 2, 3, 1, 4, 5}[h>>8%6],
			email: strings.ToLower(strings.NewReplacer(" ", ".", "'", "").Replace(name)) + "@example.com",
			since: t.workday(workingDays - i*(workingDays-60)/crowd).Add(8 * time.Hour),
		})
	}
}

// add gives a member the next id.
func (t *team) add(m *member) {
	m.id = firstMember + int64(len(t.members))
	t.members = append(t.members, m)
	t.byKey[m.key], t.byName[m.name] = m, m
}

// crowdName returns the n-th of the names that nobody in the conversations has.
func crowdName(n int) string {
	first := strings.Fields("Abel Aiko Alba Anouk Arjun Astrid Bashir Bela Bianca Bram Cleo Cyrus Dana Deniz Edda Emre Esther Farah Fenna Gideon Goran Hiro Ilse " +
		"Imre Ioana Isla Ivo Jaya Jelle Juno Kaito Kamala Kenji Leila Liv Luca Magnus Malia Marit Milo Nils Noor Odile Omar Pia Rafael Rune Sana Selma Sven Tess " +
		"Tova Ulla Vera Wim Yara Yuki Zahra Zane")
	last := strings.Fields("Abara Almeda Anders Bakare Barlow Bergius Calder Castell Chaudry Dahlin Dekker Egede Ekblad Fabbri Farrow Galvan Glas Hadley Haraldsen Ibarra " +
		"Ishida Janda Jokela Kaplan Kessler Kimura Larkin Lindow Maddox Mattern Nakata Nilsen Okafor Orban Pacheco Quist Radek Rinaldi Sallow Sandoval Tamm Thorne " +
		"Ueda Varga Voss Wexler Winther Yilmaz Zeller Zorn Arden Birch Crane Dove")
	const letters = 26
	a, b := n%len(first), (n+n/len(first))%len(last)
	// The pairs come round again after all of them.
	if round := n / (len(first) * len(last)); round > 0 {
		return fmt.Sprintf("%s %c%d %s", first[a], 'A'+round%letters, round/letters, last[b])
	}
	return first[a] + " " + last[b]
}
