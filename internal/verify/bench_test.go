package verify

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// history writes message files of 1000 messages, each with some usermessages, into a fixture.
func history(f *fixture, files, perMessage int) (jsonBytes int64) {
	text := strings.Repeat("The quick brown fox jumps over the \\\"lazy\\\" dog. ", 8)
	id, row := 1000, 0
	for n := range files {
		var m, u bytes.Buffer
		for i := range 1000 {
			comma := ","
			if i == 999 {
				comma = ""
			}
			fmt.Fprintf(&m, "    {\n      \"id\": %d,\n      \"sender\": 10,\n      \"recipient\": 31,\n      \"realm\": 1,\n      \"type\": 1,\n      \"subject\": \"topic %d\",\n"+
				"      \"content\": \"%s%d\",\n      \"rendered_content\": \"<p>%s</p>\",\n      \"rendered_content_version\": 1,\n      \"date_sent\": 1709294400.%06d,\n"+
				"      \"sending_client\": 1,\n      \"last_edit_time\": null,\n      \"edit_history\": null,\n      \"has_attachment\": false,\n      \"has_image\": false,\n"+
				"      \"has_link\": false,\n      \"is_channel_message\": true,\n      \"search_tsvector\": null\n    }%s\n", id+i, i%17, text, i, text, i, comma)
			for k := range perMessage {
				if k == perMessage-1 && i == 999 {
					comma = ""
				} else {
					comma = ","
				}
				row++
				fmt.Fprintf(&u, "    {\n      \"id\": %d,\n      \"user_profile\": %d,\n      \"message\": %d,\n      \"flags_mask\": %d\n    }%s\n",
					row+1_000_000, 10_000+k, id+i, i%3, comma)
			}
		}
		id += 1000
		name := messageName(int64(n + 1))
		delete(f.json, name)
		f.raw[name] = "{\n  \"zerver_message\": [\n" + m.String() + "  ],\n  \"zerver_usermessage\": [\n" + u.String() + "  ]\n}"
		jsonBytes += int64(len(f.raw[name]))
	}
	f.stats = func(stats object) {
		for n := range files {
			stats[strings.TrimSuffix(messageName(int64(n+1)), ".json")] = object{"zerver_message": 1000, "zerver_usermessage": 1000 * perMessage}
		}
	}
	for k := range perMessage {
		f.put(realmFile, "zerver_userprofile", fmt.Sprintf(`{"id": %d, "realm": 1, "recipient": 30, "bot_owner": null, "default_sending_stream": null,
			"default_events_register_stream": null, "last_active_message_id": 999, "date_joined": 1, "last_login": null, "last_reminder": null,
			"groups": [], "user_permissions": [], "delivery_email": "a@x.test", "email": "a@x.test", "is_bot": false}`, 10_000+k))
	}
	// What the fixture had said of its own messages.
	f.set(realmFile, "zerver_onboardingusermessage", 0, "message", 1000)
	f.set(attachmentFile, "zerver_attachment", 0, "messages", []any{1000})
	for i := range 2 {
		f.set(realmFile, "zerver_reaction", i, "message", 1000)
	}
	return jsonBytes
}

// BenchmarkVerify measures bytes of JSON per second: mostly usermessages, and mostly text.
func BenchmarkVerify(b *testing.B) {
	for _, bc := range []struct {
		name              string
		files, perMessage int
	}{{"usermessages", 20, 50}, {"messages", 60, 2}} {
		b.Run(bc.name, func(b *testing.B) {
			f := minimal()
			b.SetBytes(history(f, bc.files, bc.perMessage))
			data := f.build(b)
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				if r := verified(b, data); !r.Clean() {
					b.Fatal(lines(r))
				}
			}
		})
	}
}
