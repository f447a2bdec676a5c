package exports_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/realmport/realmport"
	"github.com/realmport/realmport/internal/blob/local"
	"github.com/realmport/realmport/internal/demo"
	"github.com/realmport/realmport/internal/exports"
)

func TestWhoMayAsk(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.create(t)
	member := user(demo.Bob, realmport.Member)
	stranger := &realmport.User{ID: demo.Nina, RealmID: demo.NeighbourRealm, Role: realmport.Owner}
	for name, call := range map[string]func(*realmport.User) error{
		"list":     func(u *realmport.User) error { _, err := w.List(t.Context(), u); return err },
		"consents": func(u *realmport.User) error { _, err := w.Consents(t.Context(), u); return err },
		"status":   func(u *realmport.User) error { _, err := w.Status(t.Context(), u, id); return err },
		"cancel":   func(u *realmport.User) error { return w.Cancel(t.Context(), u, id) },
		"delete":   func(u *realmport.User) error { return w.Delete(t.Context(), u, id) },
		"create":   func(u *realmport.User) error { _, err := w.Create(t.Context(), u, realmport.Public); return err },
	} {
		if err := call(member); realmport.ErrorCode(err) != realmport.NotAllowed || err.Error() != "Must be an organization administrator" {
			t.Errorf("%s by a member: got %v", name, err)
		}
		if name == "list" || name == "consents" || name == "create" {
			continue // of their own organization
		}
		if err := call(stranger); realmport.ErrorCode(err) != realmport.NotFound || err.Error() != "Invalid data export ID" {
			t.Errorf("%s from another organization: got %v", name, err)
		}
	}
	w.Policy.OwnersOnly = true
	if _, err := w.Create(t.Context(), user(demo.Erin, realmport.Administrator), realmport.Public); realmport.ErrorCode(err) != realmport.NotAllowed {
		t.Errorf("an administrator, where only owners may: got %v", err)
	}
	w.create(t)
}

func TestLimits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ask := func() error { _, err := w.Create(t.Context(), owner(), realmport.Standard); return err }
	wants := func(name, message string, details map[string]any) {
		t.Helper()
		err := ask()
		var e *realmport.Error
		if !errors.As(err, &e) || e.Code != realmport.Invalid || e.Message != message {
			t.Fatalf("%s: got %v, want %q", name, err, message)
		}
		if diff := cmp.Diff(details, e.Details); diff != "" {
			t.Errorf("%s: details (-want +got):\n%s", name, diff)
		}
	}
	if _, err := w.db.ExecContext(t.Context(), `INSERT INTO analytics_realmcount (realm_id, property, subgroup, end_time, value)
		VALUES (?, 'messages_sent:message_type:day', 'public_stream', 0, 40), (?, 'messages_sent:message_type:day', 'private_message', 0, 2)`,
		demo.RulesRealm, demo.RulesRealm); err != nil {
		t.Fatal(err)
	}
	usage, err := w.Directory.Usage(t.Context(), demo.RulesRealm)
	if err != nil || usage.Messages != 42 || usage.UploadBytes < 2 {
		t.Fatalf("got usage %+v, %v", usage, err)
	}
	w.Policy.PerWeek = 2
	for range 2 {
		if err := ask(); err != nil {
			t.Fatal(err)
		}
	}
	wants("a third", "Exceeded rate limit.", map[string]any{"limit": "exports_per_week", "value": int64(2), "present": int64(2)})
	w.later(7*24*time.Hour + time.Microsecond)
	if err := ask(); err != nil {
		t.Errorf("after a week: %v", err)
	}
	w.Policy.PerWeek = 0
	const large = "Please request a manual export from admin@example.com."
	w.Policy.MaxMessages = usage.Messages
	if err := ask(); err != nil {
		t.Errorf("as many messages as allowed: %v", err)
	}
	w.Policy.MaxMessages--
	wants("too many messages", large, map[string]any{"limit": "max_messages", "value": usage.Messages - 1, "present": usage.Messages})
	w.Policy.MaxMessages, w.Policy.MaxUploadBytes = 0, usage.UploadBytes-1
	wants("too large uploads", large, map[string]any{"limit": "max_upload_bytes", "value": usage.UploadBytes - 1, "present": usage.UploadBytes})
}

func TestFailedExportsCount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Policy.PerWeek = 1
	id := w.create(t)
	if err := w.Cancel(t.Context(), owner(), id); err != nil {
		t.Fatal(err)
	}
	w.create(t)
	w.Policy.PerWeek, w.Policy.CountFailed = 2, true
	if _, err := w.Create(t.Context(), owner(), realmport.Standard); err == nil {
		t.Error("with failed ones counted: got no error")
	}
}

// TestCancelledExportsCount checks that asking and cancelling has an end, though what failed does not count.
func TestCancelledExportsCount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Policy.PerWeek = 1
	for range 10 {
		if err := w.Cancel(t.Context(), owner(), w.create(t)); err != nil {
			t.Fatal(err)
		}
	}
	_, err := w.Create(t.Context(), owner(), realmport.Standard)
	var e *realmport.Error
	if !errors.As(err, &e) || e.Message != "Exceeded rate limit." || e.Details["limit"] != "exports_per_week_with_failed" {
		t.Errorf("got %v, want a refusal", err)
	}
}

// leaving ends a request's context when its archive has been removed, as a client that goes away does.
type leaving struct {
	realmport.Archives
	leave func()
}

func (l leaving) Remove(ctx context.Context, name string) error {
	defer l.leave()
	return l.Archives.Remove(ctx, name)
}

// TestDeleteIsWhole checks that a client that goes away leaves no export behind that lacks its archive.
func TestDeleteIsWhole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.create(t)
	w.do(t, id)
	ctx, cancel := context.WithCancel(t.Context())
	w.Archives = leaving{w.Archives, cancel}
	if err := w.Delete(ctx, owner(), id); err != nil {
		t.Fatal(err)
	}
	if got := w.status(t, id).Export.Status; got != realmport.Deleted {
		t.Errorf("got status %d, want it deleted", got)
	}
}

// TestDeleteElsewhere deletes an export of Zulip's own whose archive is in a bucket: there is nothing to remove here.
func TestDeleteElsewhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.create(t)
	w.do(t, id)
	if _, err := w.db.ExecContext(t.Context(), "UPDATE zerver_realmexport SET export_path = '/0123456789abcdef/zulip-export-x.tar.gz' WHERE id = ?", id); err != nil {
		t.Fatal(err)
	}
	if err := w.Delete(t.Context(), owner(), id); err != nil {
		t.Fatal(err)
	}
	if got := w.status(t, id).Export.Status; got != realmport.Deleted {
		t.Errorf("got status %d, want it deleted", got)
	}
}

// TestLimitHoldsAtOnce asks from many sides at the same time.
func TestLimitHoldsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Policy.PerWeek = 5
	var wait sync.WaitGroup
	for range 20 {
		wait.Go(func() { _, _ = w.Create(t.Context(), owner(), realmport.Standard) })
	}
	wait.Wait()
	if got := len(w.queue.take("enqueue")); got != 5 {
		t.Errorf("got %d exports, want 5", got)
	}
}

func TestFullExports(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ask := func(u *realmport.User) error { _, err := w.Create(t.Context(), u, realmport.Full); return err }
	if err := ask(owner()); realmport.ErrorCode(err) != realmport.NotAllowed {
		t.Errorf("without the policy: got %v", err)
	}
	w.Policy.Full = true
	if err := ask(user(demo.Erin, realmport.Administrator)); realmport.ErrorCode(err) != realmport.NotAllowed {
		t.Errorf("by an administrator: got %v", err)
	}
	if err := ask(owner()); err != nil {
		t.Errorf("by an owner: got %v", err)
	}
}

func TestResent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Policy.ResendWindow = time.Minute
	first := w.create(t)
	if got := w.create(t); got != first {
		t.Errorf("the same request again: got %d, want %d", got, first)
	}
	if got, err := w.Create(t.Context(), owner(), realmport.Public); err != nil || got == first {
		t.Errorf("another type: got %d, %v", got, err)
	}
	if got, err := w.Create(t.Context(), user(demo.Erin, realmport.Administrator), realmport.Standard); err != nil || got == first {
		t.Errorf("another user: got %d, %v", got, err)
	}
	w.do(t, first)
	if got := w.create(t); got == first {
		t.Error("after it ended: got the same export")
	} else {
		first = got
	}
	w.later(time.Minute)
	if got := w.create(t); got == first {
		t.Error("after a minute: got the same export")
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.create(t)
	wants := func(name, message string) {
		t.Helper()
		if err := w.Delete(t.Context(), owner(), id); err == nil || err.Error() != message {
			t.Errorf("%s: got %v, want %q", name, err, message)
		}
	}
	wants("requested", "Export still in progress")
	w.do(t, id)
	w.notes.take()
	if err := w.Delete(t.Context(), owner(), id); err != nil {
		t.Fatal(err)
	}
	if got := w.stored(t); len(got) > 0 {
		t.Errorf("got files %q, want none", got)
	}
	if diff := cmp.Diff([]string{"demo deleted"}, w.notes.take()); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
	wants("deleted", "Export already deleted")
	w.do(t, id) // its job comes late
	if got := w.status(t, id).Export.Status; got != realmport.Deleted {
		t.Errorf("got status %d, want it deleted", got)
	}
	id = w.create(t)
	if err := w.Cancel(t.Context(), owner(), id); err != nil {
		t.Fatal(err)
	}
	wants("failed", "Export failed, nothing to delete")
	id = 1 << 40
	wants("none", "Invalid data export ID")
}

// TestNotQueued checks that an export that could not be queued is queued by the reaper.
func TestNotQueued(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.queue.err = errors.New("no database")
	id := w.create(t)
	w.queue.err = nil
	w.queue.take("enqueue")
	if err := w.Reap(t.Context(), w.queue); err != nil {
		t.Fatal(err)
	}
	if got := w.queue.take("requeue"); !slices.Equal(got, []int64{id}) {
		t.Errorf("got queued %v, want %d", got, id)
	}
}

// TestZulipsOwn checks that an export that Zulip's own worker makes is left to it.
func TestZulipsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.create(t)
	w.queue.take("enqueue")
	if _, err := w.db.ExecContext(t.Context(), "UPDATE zerver_realmexport SET stats = NULL WHERE id = ?", id); err != nil {
		t.Fatal(err)
	}
	if err := w.Reap(t.Context(), w.queue); err != nil {
		t.Fatal(err)
	}
	if got := append(w.queue.take("enqueue"), w.queue.take("requeue")...); len(got) > 0 {
		t.Errorf("got queued %v, want nothing", got)
	}
	if err := w.Cancel(t.Context(), owner(), id); realmport.ErrorCode(err) != realmport.Invalid {
		t.Errorf("cancel: got %v, want it refused", err)
	}
	if got := w.status(t, id).Export.Status; got != realmport.Requested {
		t.Errorf("got status %d, want it as it was", got)
	}
}

func TestWatchConsents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bob := user(demo.Bob, realmport.Member)
	set := func(value bool) {
		t.Helper()
		if err := w.SetConsent(t.Context(), bob, value); err != nil {
			t.Fatal(err)
		}
	}
	told := func(name string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, w.notes.take()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	watch := func() {
		t.Helper()
		if err := w.WatchConsents(t.Context(), demo.RulesRealm); err != nil {
			t.Fatal(err)
		}
	}
	exec := func(query string) {
		t.Helper()
		if _, err := w.db.ExecContext(t.Context(), query); err != nil {
			t.Fatal(err)
		}
	}
	set(true)
	told("nobody listens", "setting")
	watch()
	watch()
	told("nothing changed")
	set(false)
	told("changed", "setting", "bob consents no more")
	set(false)
	told("the same again")
	// As a Zulip server does it.
	exec("UPDATE zerver_userprofile SET allow_private_data_export = 1 WHERE id = 12")
	watch()
	told("changed elsewhere", "bob consents")
	exec("UPDATE zerver_userprofile SET is_active = 0 WHERE id = 12")
	watch()
	told("deactivated")
	exec("UPDATE zerver_userprofile SET is_active = 1 WHERE id = 12")
	watch()
	told("reactivated", "bob consents")
	w.UnwatchConsents(func(int64) bool { return false })
	exec("UPDATE zerver_userprofile SET allow_private_data_export = 0 WHERE id = 12")
	watch()
	told("nobody listened")

	bot := user(demo.BotA, realmport.Member)
	bot.Bot = realmport.GenericBot
	if err := w.SetConsent(t.Context(), bot, true); err == nil || err.Error() != "This endpoint does not accept bot requests." {
		t.Errorf("a bot: got %v", err)
	}
	list, err := w.Consents(t.Context(), owner())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range list {
		if c.UserID == demo.Carol || c.UserID == demo.BotA {
			t.Errorf("user %d is listed, who is no active person", c.UserID)
		}
	}
}

// TestWatchExports checks that administrators hear of what another process did to their exports, and hear it once.
func TestWatchExports(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	watch := func(want ...string) {
		t.Helper()
		if err := w.WatchExports(t.Context(), demo.RulesRealm); err != nil {
			t.Fatal(err)
		}
		if got := w.notes.take(); !slices.Equal(got, want) {
			t.Errorf("got told %q, want %q", got, want)
		}
	}
	id := w.create(t)
	w.notes.take()
	watch() // what this process did it has told
	if ok, err := w.Exports.Start(t.Context(), id, w.time()); err != nil || !ok {
		t.Fatal(ok, err)
	}
	watch("demo started")
	watch()
	w.UnwatchExports(func(int64) bool { return false })
	watch("demo started") // since nobody knows what happened while nobody listened
	w.UnwatchExports(func(int64) bool { return false })
	if err := w.NoteExports(t.Context(), demo.RulesRealm); err != nil {
		t.Fatal(err)
	}
	watch()
}

// TestDeleteFromFormerPlace deletes an archive that was made before archives were kept where they are now.
func TestDeleteFromFormerPlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.create(t)
	if _, err := w.Do(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if got := w.stored(t); len(got) != 3 {
		t.Fatalf("got %q, want an archive in its folders", got)
	}
	now, err := local.OpenArchives(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { now.Close() })
	w.Former = []exports.Former{{Place: w.Place, Archives: w.Archives}}
	w.Place, w.Archives = exports.Bucket{Name: "archives"}, now
	if err := w.Delete(t.Context(), owner(), id); err != nil {
		t.Fatal(err)
	}
	if got := w.stored(t); len(got) > 0 {
		t.Errorf("got %q left, want nothing", got)
	}
}
