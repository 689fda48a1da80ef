package mishikallm

import "sync/atomic"

// count says how many hold a C object: its owner, until he gives it up, and those who are using it. The last one frees it,
// so that nobody uses, or cancels, what is freed. The zero count is of an object that nobody holds.
type count struct {
	holders  atomic.Int64
	disowned atomic.Bool
}

// own makes the caller the owner.
func (c *count) own() { c.holders.Store(1) }

// hold reports whether the object is there still. Who holds it must drop it.
func (c *count) hold() bool {
	for {
		holders := c.holders.Load()
		if holders == 0 {
			return false
		}
		if c.holders.CompareAndSwap(holders, holders+1) {
			return true
		}
	}
}

// drop reports whether that was the last one, who has to free the object.
func (c *count) drop() bool { return c.holders.Add(-1) == 0 }

// disown ends what own began, and reports whether it was this call that did. The caller must hold the object, so that it
// stays until he drops it.
func (c *count) disown() bool {
	if c.disowned.Swap(true) {
		return false
	}
	c.drop()
	return true
}

// isDisowned reports whether the owner gave it up.
func (c *count) isDisowned() bool { return c.disowned.Load() }
