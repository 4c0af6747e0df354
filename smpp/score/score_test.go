package score_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/otpgw/otpgw/smpp/score"
)

// sending shares messages out as the queue does, and has the PINs verified of those that a carrier delivers.
type sending struct {
	board    *score.Board
	draw     *rand.Rand
	verified map[string]float64 // part verified of what is delivered, by link
}

func (s *sending) messages(n int) (parts map[string]float64) {
	parts = make(map[string]float64)
	for range n {
		var sum float64
		for _, link := range []string{"a", "b", "c"} {
			sum += s.board.Share(link, "BG")
		}
		at := s.draw.Float64() * sum
		for _, link := range []string{"a", "b", "c"} {
			if at -= s.board.Share(link, "BG"); at < 0 || link == "c" {
				parts[link] += 1 / float64(n)
				s.board.Sent(link, "BG")
				if s.draw.Float64() < s.verified[link] {
					s.board.Verified(link, "BG")
				}
				break
			}
		}
	}
	return parts
}

// TestLyingCarrier: the traffic leaves a carrier whose messages are never verified within 200, stays away,
// and comes back when it is mended; carriers that do about as well keep about the same parts meanwhile.
func TestLyingCarrier(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		s := &sending{score.New(time.Minute, time.Now), rand.New(rand.NewPCG(seed, 1)), map[string]float64{"a": 0.75, "b": 0, "c": 0.7}}
		s.messages(200)
		if parts := s.messages(200); parts["b"] > 0.08 || min(parts["a"], parts["c"]) < 0.15 {
			t.Errorf("seed %d: after 200 messages the parts are %v", seed, parts)
		}
		if parts := s.messages(2000); parts["b"] < 0.01 || parts["b"] > 0.06 {
			t.Errorf("seed %d: the carrier that lies gets %v", seed, parts)
		}
		s.verified["b"] = 0.75
		s.messages(1500)
		if parts := s.messages(1000); parts["b"] < 0.2 {
			t.Errorf("seed %d: mended, the parts are %v", seed, parts)
		}
	}
}

// TestSlowCarrier: one that delivers late is left, not for one late message, and taken back when hardly any
// is late.
func TestSlowCarrier(t *testing.T) {
	t.Parallel()
	b := score.New(30*time.Second, time.Now)
	late := func(n int, after time.Duration) float64 {
		for range n {
			b.Delivered("slow", after)
			b.Delivered("quick", time.Second)
		}
		return b.Share("slow", "BG")
	}
	if share := late(50, time.Second); share != 1 {
		t.Errorf("a quick carrier's share is %v", share)
	}
	if share := late(2, time.Minute); share != 1 {
		t.Errorf("after two late messages the share is %v", share)
	}
	if share := late(60, time.Minute); share != score.Floor {
		t.Errorf("a slow carrier's share is %v", share)
	}
	if share := late(20, time.Second); share != score.Floor {
		t.Errorf("it is taken back when many are late yet: %v", share)
	}
	if share := late(200, time.Second); share != 1 {
		t.Errorf("mended, its share is %v", share)
	}
	if share := b.Share("quick", "BG"); share != 1 {
		t.Errorf("the other's share is %v", share)
	}
}

// TestNothingKnown: links that nothing is known of, or of which nothing is ever verified, share alike;
// countries are apart.
func TestNothingKnown(t *testing.T) {
	t.Parallel()
	b := score.New(time.Minute, time.Now)
	for range 100 {
		b.Sent("a", "SE")
		b.Sent("b", "SE")
	}
	if a, c := b.Share("a", "SE"), b.Share("b", "SE"); a != 1 || c != 1 {
		t.Errorf("where nobody verifies the shares are %v and %v", a, c)
	}
	for range 100 {
		b.Sent("a", "BG")
		b.Verified("a", "BG")
		b.Sent("b", "BG")
	}
	if a, c, other := b.Share("a", "BG"), b.Share("b", "BG"), b.Share("b", "SE"); a != 1 || c != score.Floor || other != 1 {
		t.Errorf("shares %v and %v, elsewhere %v", a, c, other)
	}
	if n := len(b.Links([]string{"a", "b"})); n != 4 {
		t.Errorf("%d rows", n)
	}
}

// TestRivals: a link is measured against those that it shares messages with. A backup or another route's link
// that does far better says nothing of the choice between two that do not, and a liar among them is left as
// soon, and taken back as soon.
func TestRivals(t *testing.T) {
	t.Parallel()
	s := &sending{score.New(time.Minute, time.Now), rand.New(rand.NewPCG(1, 1)), map[string]float64{"a": 0.45, "b": 0, "c": 0.45}}
	s.board.Compare([][]string{{"a", "b", "c"}, {"backup"}})
	for range 200 {
		s.board.Sent("backup", "BG")
		s.board.Verified("backup", "BG")
	}
	s.messages(300)
	if parts := s.messages(300); parts["b"] > 0.08 {
		t.Errorf("beside a backup that does better the parts are %v", parts)
	}
	s.verified["b"] = 0.45
	s.messages(3000)
	if parts := s.messages(1000); parts["b"] < 0.2 {
		t.Errorf("mended, the parts are %v", parts)
	}
	rows := s.board.Links([]string{"a", "b", "c", "idle"})
	if len(rows) != 4 || rows[0].Link != "a" || rows[0].Country != "BG" || rows[0].Sent < 50 || rows[3].Sent != 0 || rows[3].Share <= 0 {
		t.Errorf("rows %+v", rows)
	}
}
