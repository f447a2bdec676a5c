package parts_test

import (
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/parts"
)

// TestChangedParts replaces stored parts before they are joined: the attempt fails, and no archive gets its name.
func TestChangedParts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.machineWith(t, func(p *parts.Worker) { p.Stock = replacing{p.Stock} }).start(t, w)
	_, err := w.together(t, w.coordination(t), realmport.Full)
	if err == nil || !strings.Contains(err.Error(), "was replaced or changed") {
		t.Errorf("got %v, want that a part was changed", err)
	}
	check(t, m.queue.Stop(t.Context())) // it may be at other parts
	w.clean(t)
}

// replacing puts other bytes of the same size in the place of each archive.
type replacing struct{ realmport.Stock }

func (r replacing) Create(ctx context.Context, name string) (realmport.Output, error) {
	out, err := r.Stock.Create(ctx, name)
	return &replaced{Output: out, stock: r.Stock, ctx: ctx, name: name}, err
}

type replaced struct {
	realmport.Output
	stock realmport.Stock
	ctx   context.Context
	name  string
	size  int
}

func (r *replaced) Write(p []byte) (int, error) {
	r.size += len(p)
	return r.Output.Write(p)
}

// Tag implements realmport.Tagged.
func (r *replaced) Tag() string {
	tagged, _ := r.Output.(realmport.Tagged)
	return tagged.Tag()
}

func (r *replaced) Commit() error {
	if err := r.Output.Commit(); err != nil {
		return err
	}
	other, err := r.stock.Create(r.ctx, r.name)
	if err != nil {
		return err
	}
	if _, err := io.CopyN(other, zeros{}, int64(r.size)); err != nil {
		return err
	}
	return other.Commit()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestHostileResults has what workers say of their parts changed: nothing of it gets into an archive.
func TestHostileResults(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(made map[string]any){
		"size":     func(m map[string]any) { stored(m)["Size"] = int64(1<<63 - 1) },
		"no size":  func(m map[string]any) { stored(m)["Size"] = 0 },
		"length":   func(m map[string]any) { stored(m)["Len"] = -1 },
		"name":     func(m map[string]any) { m["Name"] = "exports/other.tar.gz" },
		"messages": func(m map[string]any) { file(m)["Messages"] = 1 },
		"rows":     func(m map[string]any) { file(m)["UserMessages"] = -1 },
		"number":   func(m map[string]any) { file(m)["Number"] = 7 },
		"range":    func(m map[string]any) { m["First"] = 0 },
		"digest":   func(m map[string]any) { m["SHA256"] = strings.Repeat("0", 64) },
		"tag":      func(m map[string]any) { m["Tag"] = "another" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			m := w.machineWith(t, func(p *parts.Worker) { p.Parts = lying{w.parts, change} }).start(t, w)
			if _, err := w.together(t, w.coordination(t), realmport.Full); err == nil {
				t.Error("got an archive, want an error")
			}
			check(t, m.queue.Stop(t.Context())) // it may be at other parts
			w.clean(t)
		})
	}
}

func stored(m map[string]any) map[string]any { s, _ := m["Stored"].(map[string]any); return s }

func file(m map[string]any) map[string]any {
	list, _ := m["MessageFiles"].([]any)
	if len(list) == 0 {
		return map[string]any{}
	}
	f, _ := list[0].(map[string]any)
	return f
}

// lying changes results.
type lying struct {
	realmport.Parts
	change func(map[string]any)
}

func (l lying) Finish(ctx context.Context, attempt string, number int, worker string, result []byte) error {
	var made map[string]any
	if err := json.Unmarshal(result, &made); err != nil {
		return err
	}
	l.change(made)
	text, err := json.Marshal(made)
	if err != nil {
		return err
	}
	return l.Parts.Finish(ctx, attempt, number, worker, text)
}

// TestHostileOrders gives a worker plans and specifications that no coordinator writes: it makes nothing of them, and lives.
func TestHostileOrders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const plan = `{"Snapshot":"x","Type":3,"Realm":2,"Name":"a","Readers":"","Compression":2,"Files":"a folder","Place":"PLACE","Stale":1000000000}`
	for name, tt := range map[string]struct{ plan, spec string }{
		"no plan":      {`{}`, `{}`},
		"no stale":     {strings.Replace(plan, "1000000000", "0", 1), `{}`},
		"type":         {strings.Replace(plan, `"Type":3`, `"Type":77`, 1), `{}`},
		"truncated":    {plan[:40], `{}`},
		"empty":        {plan, `{}`},
		"null":         {plan, `null`},
		"no ids":       {plan, `{"Messages":{"First":1,"IDs":""}}`},
		"damaged ids":  {plan, `{"Messages":{"First":1,"IDs":"////"}}`},
		"no owner":     {plan, `{"Files":{"Folder":"uploads","Items":[{"Area":"files","Source":"a","Path":"a","What":{"kind":"upload"}}]}}`},
		"other folder": {plan, `{"Files":{"Folder":"../x","Items":[{"Area":"files","Source":"a","Path":"a"}]}}`},
		"bad token":    {plan, `{"Messages":{"First":1,"IDs":"AQE="}}`},
	} {
		t.Run(name, func(t *testing.T) {
			attempt := attemptName(t)
			check(t, w.parts.Begin(t.Context(), attempt, []byte(strings.Replace(tt.plan, "PLACE", w.stock.Place(), 1))))
			check(t, w.parts.Add(t.Context(), attempt, 1, []byte(tt.spec)))
			m := w.machineWith(t, nil)
			_, _ = m.Do(t.Context(), attempt, 1)
			m.Close()
			states, err := w.parts.Look(t.Context(), attempt, time.Minute)
			check(t, err)
			if len(states) != 1 || states[0].Result != nil {
				t.Errorf("got %+v, want a part that is not made", states)
			}
		})
	}
	w.clean(t)
}
