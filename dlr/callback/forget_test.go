package callback

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/otpgw/otpgw/queue"
)

// TestForgetDead: a dead batch loses the items of a number and keeps the others; one that has only those is
// to go.
func TestForgetDead(t *testing.T) {
	t.Parallel()
	const gone, stays = "+46700000001", "+467000000011"
	item := func(id, number string) string { return `{"otpId":"` + id + `","phoneNumber":"` + number + `"}` }
	b := batch{ID: "msg_1", App: "shop", URL: "https://shop.example", Kind: "otp_update", Items: 3,
		Held: []held{{"one", 1}, {"two", 1}}, body: []byte(`{"event":"otp_update","data":[` + item("one", gone) + "," + item("two", stays) + "," + item("one", gone) + "]}")}
	dead := func(b batch) *queue.DeadLetter {
		return &queue.DeadLetter{Kind: DeadKind, Subject: subjectOf(b.ID), Data: b.encode()}
	}
	rest, about := ForgetDead(dead(b), gone)
	if !about || rest == nil || strings.Contains(string(rest.Data), `"`+gone+`"`) {
		t.Fatalf("about %v, left %+v", about, rest)
	}
	left, err := decode(rest.Data)
	if err != nil || left.Items != 1 || len(left.Held) != 1 || left.Held[0].OtpID != "two" || !json.Valid(left.body) ||
		string(left.body) != `{"event":"otp_update","data":[`+item("two", stays)+"]}" {
		t.Errorf("left %+v %s, %v", left, left.body, err)
	}
	if rest, about := ForgetDead(rest, stays); !about || rest != nil {
		t.Errorf("of the last number: about %v, left %+v", about, rest)
	}
	if _, about := ForgetDead(dead(b), "+46700000003"); about {
		t.Error("it is about a number that it does not tell of")
	}
}
