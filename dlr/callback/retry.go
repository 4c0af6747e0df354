package callback

import "container/heap"

// sealedHeap is a heap by due time, for container/heap.
type sealedHeap []*sealed

func (h *sealedHeap) add(s *sealed)     { heap.Push(h, s) }
func (h *sealedHeap) first() *sealed    { return heap.Pop(h).(*sealed) }
func (h sealedHeap) Len() int           { return len(h) }
func (h sealedHeap) Less(i, j int) bool { return h[i].due.Before(h[j].due) }
func (h sealedHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *sealedHeap) Push(x any)        { *h = append(*h, x.(*sealed)) }
func (h *sealedHeap) Pop() any {
	old := *h
	s := old[len(old)-1]
	old[len(old)-1] = nil
	*h = old[:len(old)-1]
	return s
}
