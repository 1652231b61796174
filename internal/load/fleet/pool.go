package fleet

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
)

// pool is a bounded queue of nonces: a ring whose slots are taken and filled without locks, by any number of
// goroutines. Slot number p mod size is free for nonce number p when its turn is p, and holds it when its turn is p+1.
type pool struct {
	slots []slot
	mask  uint64        // one less than the number of slots, which is a power of two
	next  atomic.Uint64 // the number of the nonce to take
	ready atomic.Uint64 // one more than the number of the last one made
	short atomic.Int64
	low   atomic.Int64 // fewer nonces than that are too few to wait with new ones

	wake chan struct{} // there is room for a batch

	mu   sync.Mutex // guards mint, and who makes nonces
	mint *mint
}

type slot struct {
	turn atomic.Uint64
	nonce
}

// newPool makes an empty pool; size is a power of two of at least batchSize.
func newPool(size int, m *mint) *pool {
	p := &pool{slots: make([]slot, size), wake: make(chan struct{}, 1), mask: uint64(size - 1), mint: m} //nolint:gosec // G115: positive
	for i := range p.slots {
		p.slots[i].turn.Store(uint64(i))
	}
	p.low.Store(int64(size / 2))
	return p
}

// take moves a nonce out of the pool, which keeps no copy of it. It is false, and counted, when there is none.
func (p *pool) take(n *nonce) bool {
	for {
		number := p.next.Load()
		s := &p.slots[number&p.mask]
		turn := s.turn.Load()
		if turn == number {
			p.short.Add(1)
			p.ask()
			return false
		}
		// A turn that is neither means that another goroutine was faster.
		if turn != number+1 || !p.next.CompareAndSwap(number, number+1) {
			continue
		}
		*n, s.nonce = s.nonce, nonce{}
		s.turn.Store(number + p.mask + 1)
		if number%batchSize == batchSize-1 {
			p.ask()
		}
		return true
	}
}

// ask wakes who makes nonces. An early call may find slots that others have yet to give back: the next batch asks again,
// and so does everyone who finds the pool empty.
func (p *pool) ask() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// add makes a batch of nonces if there is room for it.
func (p *pool) add(yield func()) (added bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	first := p.ready.Load()
	last := first + batchSize - 1
	// Nonces are taken in order, but a slot may be the last to be given back.
	for number := first; number <= last; number++ {
		if p.slots[number&p.mask].turn.Load() != number {
			return false, nil
		}
	}
	if err := p.mint.make(yield); err != nil {
		return false, err
	}
	for i := range p.mint.batch {
		s := &p.slots[(first+uint64(i))&p.mask]
		s.nonce, p.mint.batch[i] = p.mint.batch[i], nonce{}
		s.turn.Store(first + uint64(i) + 1)
	}
	p.ready.Store(last + 1)
	return true, nil
}

// waiting is how many nonces there are.
func (p *pool) waiting() int {
	next, ready := p.next.Load(), p.ready.Load()
	return int(max(ready, next) - next) //nolint:gosec // G115: at most the size of the ring
}

// PoolStats is what the nonce pool did.
type PoolStats struct {
	Ready int   // nonces waiting to be used
	Size  int   // nonces it can hold; 0 when signatures are always fresh
	Made  int64 // in all
	Taken int64 // signatures made with one
	Short int64 // signatures of derived ES256 users that were made fresh because the pool was empty
}

// Pool says what the nonce pool did. All zero with [SigningFresh] and for imported users.
func (f *Fleet) Pool() PoolStats {
	if f.pool == nil {
		return PoolStats{}
	}
	return PoolStats{
		Ready: f.pool.waiting(),
		Size:  len(f.pool.slots),
		Made:  int64(f.pool.ready.Load()), //nolint:gosec // G115: counts from 0
		Taken: int64(f.pool.next.Load()),  //nolint:gosec // G115: counts from 0
		Short: f.pool.short.Load(),
	}
}

// Fill makes nonces until n are ready, or as many as fit the pool; progress, which may be nil, is told how many there
// are. It does nothing with [SigningFresh] and for imported users. A nonce takes about 10 us.
func (f *Fleet) Fill(ctx context.Context, n int, progress func(ready int)) error {
	if f.pool == nil {
		return nil
	}
	f.pool.low.Store(int64(min(n, len(f.pool.slots)) / 2))
	for f.pool.waiting() < n {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		added, err := f.pool.add(func() {})
		if err != nil || !added {
			return err
		}
		if progress != nil {
			progress(f.pool.waiting())
		}
	}
	return nil
}

// patience is how many nonces are made in one go, about 300 us, when fewer than a quarter of those are left.
const patience = 32

// Refill keeps half as many as Fill made until ctx ends, and then returns nil: the other half costs the load nothing. Run
// it in a goroutine beside the load: it gives way to others after each nonce, or after a few when the pool runs low, as
// signing without costs more than all of them.
func (f *Fleet) Refill(ctx context.Context) error {
	if f.pool == nil {
		return nil
	}
	made := 0
	yield := func() {
		made++
		if made%patience == 0 || int64(f.pool.waiting()) >= f.pool.low.Load()/2 {
			runtime.Gosched()
		}
	}
	for ctx.Err() == nil {
		if int64(f.pool.waiting()) < f.pool.low.Load() {
			added, err := f.pool.add(yield)
			if err != nil {
				return err
			}
			if added {
				continue
			}
		}
		select {
		case <-f.pool.wake:
		case <-ctx.Done():
		}
	}
	return nil
}
