package queue

import "container/list"

// fair is a queue with a share for each group: groups take turns, and within a group the first come is the
// first served. So what one group has waiting delays nobody else's.
type fair struct {
	groups map[string]*list.List // of *item
	turns  list.List             // of the groups' names; the next first
	size   int
}

func newFair() *fair { return &fair{groups: make(map[string]*list.List)} }

// of is how many items a group has.
func (f *fair) of(group string) int {
	if g := f.groups[group]; g != nil {
		return g.Len()
	}
	return 0
}

// push puts an item at the end of its group.
func (f *fair) push(i *item) {
	g := f.groups[i.group]
	if g == nil {
		g = list.New()
		f.groups[i.group] = g
		f.turns.PushBack(i.group)
	}
	i.in, i.place = f, g.PushBack(i)
	f.size++
}

// first is the item that pop would take; nil when there is none.
func (f *fair) first() *item {
	turn := f.turns.Front()
	if turn == nil {
		return nil
	}
	return f.groups[turn.Value.(string)].Front().Value.(*item)
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
	g.Remove(i.place)
	i.in, i.place = nil, nil
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
