package httpapi

import (
	"bytes"
	"net/http"
	"time"
)

const (
	// streamPause is how long the stream of an export's progress pauses after it has looked for a change.
	streamPause = 500 * time.Millisecond
	// streamComment is how often a stream that has nothing new says that it is alive, and how often it looks whether its reader
	// still may read.
	streamComment = 15 * time.Second
	// streamsPerUser is how many streams a user may read at once.
	streamsPerUser = 20
	// finalID is the id of the last event of a stream. A browser that asks again with it is told to stop.
	finalID = "final"
)

// exportEvents is GET /realmport/v1/exports/{id}/events: what GET /realmport/v1/exports/{id} says, again after
// every change, as server-sent events.
func (c *call) exportEvents() error {
	s, err := c.status()
	if err != nil {
		return err
	}
	final := s.final()
	if final && c.r.Header.Get("Last-Event-ID") == finalID {
		c.noCache()
		c.write(http.StatusNoContent, htmlType, nil)
		return nil
	}
	if !c.api.beginStream(c.user.ID) {
		c.w.Header().Set("Retry-After", "15")
		return &failure{status: http.StatusTooManyRequests, code: "RATE_LIMIT_HIT", message: "Too many streams are open"}
	}
	defer c.api.endStream(c.user.ID)
	c.readForever()
	c.noCache()
	h := c.w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // the front proxy shall pass on what there is
	c.w.WriteHeader(http.StatusOK)
	c.stream(s)
	return nil
}

// final tells whether nothing is expected to change any more.
func (s *statusObject) final() bool { return s.Status != "requested" && s.Status != "started" }

// stream sends what is known of an export until that is final, the reader has gone, or may not read any more.
func (c *call) stream(s *statusObject) {
	var before []byte
	spoken, checked := c.now(), c.now()
	for {
		now := c.now()
		if now.Sub(checked) >= streamComment {
			if !c.stillMay() {
				return
			}
			checked = now
		}
		if data := appendJSON(nil, s); !bytes.Equal(data, before) {
			id := ""
			if s.final() {
				id = "id: " + finalID + "\n"
			}
			if !c.say("event: export\n" + id + "data: " + string(data) + "\n\n") {
				return
			}
			before, spoken = data, now
		} else if now.Sub(spoken) >= streamComment {
			if !c.say(": still at it\n\n") {
				return
			}
			spoken = now
		}
		if s.final() || !c.pause(streamPause) {
			return
		}
		var err error
		if s, err = c.status(); err != nil {
			if c.ctx().Err() == nil {
				c.api.o.Log.Error("stream of an export ended", "export", c.id(), "error", err.Error())
			}
			return
		}
	}
}

// say sends a piece of a stream at once. It returns false if the reader has gone.
func (c *call) say(text string) bool {
	c.extendWriting()
	if _, err := c.w.Write([]byte(text)); err != nil {
		return false
	}
	return http.NewResponseController(c.w).Flush() == nil
}

// stillMay looks whether who asks is still an administrator.
func (c *call) stillMay() bool {
	user, err := c.directory().User(c.ctx(), c.user.ID)
	return err == nil && c.admit(user) == nil && user.Role.Administers()
}

// pause waits; it returns false if the reader has gone or the API is closed.
func (c *call) pause(d time.Duration) bool {
	over := make(chan struct{})
	stop := c.api.o.Clock.AfterFunc(d, func() { close(over) })
	defer stop()
	select {
	case <-over:
		return true
	case <-c.api.closed:
		return false
	case <-c.ctx().Done():
		return false
	}
}

func (a *API) beginStream(user int64) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.streams[user] >= streamsPerUser {
		return false
	}
	a.streams[user]++
	return true
}

func (a *API) endStream(user int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.streams[user]--; a.streams[user] == 0 {
		delete(a.streams, user)
	}
}
