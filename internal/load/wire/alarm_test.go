package wire

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestAlarmRingsOnTime(t *testing.T) {
	for name, c := range map[string]struct {
		exchanges []time.Duration // how long each takes; all but the last end in time
		deadlines []time.Duration
		want      time.Duration // of the ring, after the beginning of the last exchange
	}{
		"first":        {[]time.Duration{time.Hour}, []time.Duration{10 * time.Second}, 10 * time.Second},
		"another":      {[]time.Duration{3 * time.Second, time.Hour}, []time.Duration{10 * time.Second, 10 * time.Second}, 10 * time.Second},
		"after a rest": {[]time.Duration{time.Second, time.Minute, time.Hour}, []time.Duration{10 * time.Second, 0, 10 * time.Second}, 10 * time.Second},
		"shorter":      {[]time.Duration{time.Second, time.Hour}, []time.Duration{time.Minute, time.Second}, time.Second},
		"longer":       {[]time.Duration{time.Millisecond, time.Hour}, []time.Duration{time.Second, time.Minute}, time.Minute},
		"none":         {[]time.Duration{time.Second, time.Hour}, []time.Duration{time.Minute, 0}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var (
					mu   sync.Mutex
					a    alarm
					rang []time.Time
				)
				a = alarm{clock: time.Now, ring: func() {
					mu.Lock()
					defer mu.Unlock()
					if a.due() {
						rang = append(rang, time.Now())
					}
				}}
				var start time.Time
				for i, takes := range c.exchanges {
					start = time.Now()
					mu.Lock()
					if d := c.deadlines[i]; d > 0 {
						a.set(start.Add(d))
					}
					mu.Unlock()
					<-time.After(takes)
					mu.Lock()
					a.set(time.Time{})
					mu.Unlock()
				}
				switch {
				case c.want == 0 && len(rang) > 0:
					t.Errorf("rang after %v, want silence", rang[0].Sub(start))
				case c.want > 0 && (len(rang) != 1 || rang[0].Sub(start) != c.want):
					t.Errorf("rang %d times at %v, want once, %v after %v", len(rang), rang, c.want, start)
				}
				a.stop()
			})
		})
	}
}
