package queue

// placed is what a heap of places holds: it has an order, and is told where it stands, which a heap.Remove
// needs; nowhere when it was taken out.
type placed[T any] interface {
	before(T) bool
	stand(place int)
}

const nowhere = -1

// places is a heap, for container/heap, of what knows its place.
type places[T placed[T]] []T

func (p places[T]) Len() int           { return len(p) }
func (p places[T]) Less(i, j int) bool { return p[i].before(p[j]) }
func (p places[T]) Swap(i, j int) {
	p[i], p[j] = p[j], p[i]
	p[i].stand(i)
	p[j].stand(j)
}

// Push implements heap.Interface.
func (p *places[T]) Push(x any) {
	one := x.(T)
	one.stand(len(*p))
	*p = append(*p, one)
}

// Pop implements heap.Interface.
func (p *places[T]) Pop() any {
	old := *p
	last := len(old) - 1
	one := old[last]
	clear(old[last:])
	*p = old[:last]
	one.stand(nowhere)
	return one
}
