package queue

import (
	"container/heap"
	"container/list"
)

// fair is a queue with a share for each group: groups take turns, and within a group the first that was stored
// is the first served, also when it was handed out and given back meanwhile: a PIN that a carrier was too busy
// for is no younger than those behind it. So what one group has waiting delays nobody else's.
type fair struct {
	groups map[string]*ages
	turns  list.List // of the groups' names; the next first
	size   int
}

func newFair() *fair { return &fair{groups: make(map[string]*ages)} }

// ages is the items of a group, the oldest first.
type ages struct{ places[*item] }

func (a ages) oldest() *item { return a.places[0] }

func (i *item) before(o *item) bool { return i.sequence < o.sequence }
func (i *item) stand(place int)     { i.place = place }

// of is how many items a group has.
func (f *fair) of(group string) int {
	if g := f.groups[group]; g != nil {
		return g.Len()
	}
	return 0
}

// push puts an item into its group, where its age has it.
func (f *fair) push(i *item) {
	g := f.groups[i.group]
	if g == nil {
		g = new(ages)
		f.groups[i.group] = g
		f.turns.PushBack(i.group)
	}
	i.in = f
	heap.Push(g, i)
	f.size++
}

// first is the item that pop would take; nil when there is none.
func (f *fair) first() *item {
	turn := f.turns.Front()
	if turn == nil {
		return nil
	}
	return f.groups[turn.Value.(string)].oldest()
}

// pop takes the first item of the group whose turn it is; nil when there is none.
func (f *fair) pop() *item {
	i := f.first()
	if i == nil {
		return nil
	}
	f.turns.MoveToBack(f.turns.Front())
	f.remove(i)
	return i
}

// remove takes an item out, wherever it is.
func (f *fair) remove(i *item) {
	g := f.groups[i.group]
	heap.Remove(g, i.place)
	i.in = nil
	f.size--
	if g.Len() > 0 {
		return
	}
	delete(f.groups, i.group)
	for turn := f.turns.Front(); turn != nil; turn = turn.Next() {
		if turn.Value.(string) == i.group {
			f.turns.Remove(turn)
			return
		}
	}
}
