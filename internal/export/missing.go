package export

import (
	"encoding/json"

	"github.com/realmport/realmport"
)

// missingExamples is how many missing things a summary shows.
const missingExamples = 20

// missing is the list of what was left out, in a deterministic order. It is for one goroutine at a time.
type missing struct {
	doc     *document
	summary *realmport.Summary
	tell    func(realmport.Missing)
}

func (r *run) newMissing() *missing {
	m := &missing{doc: r.newDocument(), summary: &r.summary, tell: r.Missing}
	m.doc.openBare()
	return m
}

func (m *missing) add(item realmport.Missing) error {
	if m.summary.Missing == nil {
		m.summary.Missing = map[string]int{}
	}
	m.summary.Missing[item.Kind]++
	if len(m.summary.Examples) < missingExamples {
		m.summary.Examples = append(m.summary.Examples, item)
	}
	if m.tell != nil {
		m.tell(item)
	}
	text, err := json.Marshal(item)
	if err != nil {
		return err
	}
	return m.doc.addRaw(text)
}
