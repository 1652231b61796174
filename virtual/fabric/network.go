package fabric

import (
	"container/heap"
	"math"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

// NetworkConfig says how changes travel from the cloud to the devices of one account.
type NetworkConfig struct {
	// Delay is how long a delivery takes; nil is no time at all. As each one is drawn by itself, deliveries overtake
	// each other.
	Delay Distribution
	// Loss and Duplicates are shares of the deliveries, 0 to 1. A lost one is sent again after Retry; with a loss of 1
	// nothing ever arrives by itself.
	Loss, Duplicates float64
	// Retry is the time until a lost delivery is sent again; 0 means 30 seconds.
	Retry time.Duration
	// Manual keeps everything in the cloud until a device pulls.
	Manual bool
	// Seed is what the delays, losses and duplicates are drawn from.
	Seed uint64
	// Clock is the true time, as opposed to those of the devices.
	Clock func() time.Time
}

// Network carries changes from the cloud to the devices of one account. It has no goroutine: a delivery has a due time,
// and [Replica.Advance] takes what is due by then. It is safe for concurrent use.
type Network struct {
	cfg NetworkConfig

	mu      sync.Mutex
	random  *rand.Rand
	inboxes map[string]*inbox
	order   []*inbox // as the devices came, so that equal seeds give equal draws
	sent    map[SyncID]acknowledgment
	count   uint64
}

// acknowledgment is the newest version of a record, when the cloud had it, and from which device.
type acknowledgment struct {
	version int64
	at      time.Time
	from    string
}

// inbox is what is under way to one device.
type inbox struct {
	next      atomic.Int64 // when the first of waiting is due, in Unix nanoseconds; never if there is none
	cut       atomic.Bool  // partitioned
	receiving bool
	waiting   deliveries
	held      []delivery // by a partition
}

const never = math.MaxInt64

// delivery is something on its way to a device.
type delivery struct {
	due, sent time.Time
	order     uint64 // breaks ties
	from      string
	what      matter
	record    *Record // of deliverRecord
	lost      bool    // it does not arrive; due is when it is sent again
	twice     bool    // there are two of it
}

// matter is what a delivery is about.
type matter uint8

const (
	deliverRecord matter = iota
	deliverKeys          // the account has new keys
	deliverPull          // everything is different: ask for it
)

// credential is the id of the credential that the delivery is about, nil if it is not about one.
func (d *delivery) credential() []byte {
	if d.record == nil {
		return nil
	}
	return d.record.CredentialID
}

// NewNetwork returns a network without devices: replicas join it by themselves.
func NewNetwork(cfg NetworkConfig) *Network {
	if cfg.Delay == nil {
		cfg.Delay = Constant(0)
	}
	if cfg.Retry <= 0 {
		cfg.Retry = 30 * time.Second
	}
	return &Network{
		cfg:     cfg,
		random:  rand.New(rand.NewPCG(cfg.Seed, 0x6661627269630a)), //nolint:gosec // G404: delays are to be repeatable, and no secret
		inboxes: map[string]*inbox{},
		sent:    map[SyncID]acknowledgment{},
	}
}

// Announce sends changed records, as the cloud has them now, to every device of the account but the one that they come
// from. Replicas do it for what they change; it is for changes that the cloud makes by itself.
func (n *Network) Announce(from string, records []Record) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.cfg.Clock()
	for i := range records {
		record := records[i]
		if record.Version > n.sent[record.SyncID].version {
			n.sent[record.SyncID] = acknowledgment{version: record.Version, at: now, from: from}
		}
		n.send(delivery{sent: now, from: from, record: &record})
	}
}

// announce tells the other devices something that is not in a record.
func (n *Network) announce(from string, what matter) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.send(delivery{sent: n.cfg.Clock(), from: from, what: what})
}

// send puts a delivery on its way to every device but the one it comes from. The caller holds the lock.
func (n *Network) send(d delivery) {
	if n.cfg.Manual {
		return
	}
	source := n.inboxes[d.from]
	for _, box := range n.order {
		if box != source && box.receiving {
			n.sendTo(box, d)
		}
	}
}

func (n *Network) sendTo(box *inbox, d delivery) {
	at := d.sent
	for n.random.Float64() < n.cfg.Loss {
		at = at.Add(n.cfg.Retry)
		d.lost, d.due = true, at
		n.put(box, d)
		if n.cfg.Loss >= 1 || at.Sub(d.sent) > longest {
			return
		}
	}
	d.lost, d.due = false, at.Add(n.cfg.Delay.Sample(n.random))
	d.twice = n.random.Float64() < n.cfg.Duplicates
	n.put(box, d)
	if d.twice {
		d.due = at.Add(n.cfg.Delay.Sample(n.random))
		n.put(box, d)
	}
}

func (n *Network) put(box *inbox, d delivery) {
	n.count++
	d.order = n.count
	if box.cut.Load() {
		box.held = append(box.held, d)
		return
	}
	heap.Push(&box.waiting, d)
	box.refresh()
}

// Partition cuts a device off the cloud without its knowing, or heals that. What was due before still counts as
// arrived; what comes due in between waits for the healing.
func (n *Network) Partition(device string, cut bool) {
	box := n.inbox(device)
	n.mu.Lock()
	defer n.mu.Unlock()
	if box.cut.Load() == cut {
		return
	}
	now := n.cfg.Clock()
	box.cut.Store(cut)
	if !cut {
		for _, d := range box.held {
			if d.due.Before(now) {
				d.due = now
			}
			heap.Push(&box.waiting, d)
		}
		box.held = nil
		box.refresh()
		return
	}
	arrived := deliveries{}
	for _, d := range box.waiting {
		if d.due.After(now) {
			box.held = append(box.held, d)
		} else {
			arrived = append(arrived, d)
		}
	}
	heap.Init(&arrived)
	box.waiting = arrived
	box.refresh()
}

// Next returns when the next delivery to any device is due, and whether there is one.
func (n *Network) Next() (time.Time, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	first := int64(never)
	for _, box := range n.order {
		first = min(first, box.next.Load())
	}
	if first == never {
		return time.Time{}, false
	}
	return time.Unix(0, first).UTC(), true
}

// inbox returns the device's inbox, a new one that receives nothing when it had none.
func (n *Network) inbox(device string) *inbox {
	n.mu.Lock()
	defer n.mu.Unlock()
	box := n.inboxes[device]
	if box == nil {
		box = &inbox{}
		box.next.Store(never)
		n.inboxes[device] = box
		n.order = append(n.order, box)
	}
	return box
}

// receive says whether the device takes deliveries. One that does not (any more) has none under way either: it pulls
// when it is back.
func (n *Network) receive(box *inbox, receiving bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	box.receiving = receiving
	if !receiving {
		box.waiting, box.held = nil, nil
		box.refresh()
	}
}

// take removes and returns the first delivery that is due at the time.
func (n *Network) take(box *inbox, now time.Time) (delivery, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(box.waiting) == 0 || box.waiting[0].due.After(now) {
		return delivery{}, false
	}
	d := heap.Pop(&box.waiting).(delivery)
	box.refresh()
	return d, true
}

// pulled drops the deliveries of versions that the device has by now.
func (n *Network) pulled(box *inbox, version int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	left := box.waiting[:0]
	for _, d := range box.waiting {
		if d.what == deliverRecord && d.record.Version > version {
			left = append(left, d)
		}
	}
	clear(box.waiting[len(left):])
	box.waiting = left
	heap.Init(&box.waiting)
	box.refresh()
}

// due returns when the next delivery that arrives is due, and how many there are.
func (n *Network) due(box *inbox) (next time.Time, count int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, d := range box.waiting {
		if d.lost {
			continue
		}
		if count == 0 || d.due.Before(next) {
			next = d.due
		}
		count++
	}
	return next, count
}

// acknowledged returns when the cloud had this version of a record and from whom; zero if that is not known.
func (n *Network) acknowledged(id SyncID, version int64) acknowledgment {
	n.mu.Lock()
	defer n.mu.Unlock()
	if a := n.sent[id]; a.version == version {
		return a
	}
	return acknowledgment{}
}

func (b *inbox) refresh() {
	if len(b.waiting) == 0 {
		b.next.Store(never)
		return
	}
	b.next.Store(b.waiting[0].due.UnixNano())
}

// deliveries is a heap by due time.
type deliveries []delivery

func (d deliveries) Len() int { return len(d) }

func (d deliveries) Less(i, j int) bool {
	if !d[i].due.Equal(d[j].due) {
		return d[i].due.Before(d[j].due)
	}
	return d[i].order < d[j].order
}

func (d deliveries) Swap(i, j int) { d[i], d[j] = d[j], d[i] }

func (d *deliveries) Push(x any) { *d = append(*d, x.(delivery)) }

func (d *deliveries) Pop() any {
	last := len(*d) - 1
	x := (*d)[last]
	(*d)[last] = delivery{}
	*d = (*d)[:last]
	return x
}
