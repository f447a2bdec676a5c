// Package clock is the only place that asks what time it is, so that nothing
// else depends on when it runs. It also does things every now and then.
package clock

import "time"

// Now returns the present time.
func Now() time.Time { return time.Now() }
