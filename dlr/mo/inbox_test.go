package mo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/rs/zerolog"
	"go.uber.org/goleak"

	"github.com/otpgw/otpgw/otp"
	"github.com/otpgw/otpgw/otp/optout"
	"github.com/otpgw/otpgw/otp/phone"
	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/queue/seal"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newInbox(t *testing.T, apps ...otp.App) *Inbox {
	t.Helper()
	box, err := seal.New(seal.NewKey())
	if err != nil {
		t.Fatal(err)
	}
	q := queuetest.Open(t)
	return &Inbox{Queue: q, Box: box, List: optout.New(q.OptOuts(), box), Apps: func() []otp.App { return apps }, Log: zerolog.Nop(),
		Route: func(otp.Traffic) (string, error) { return queuetest.Route, nil }}
}

// event is the next event in the store, as it would be sent.
func event(t *testing.T, i *Inbox) (e otp.Event, text string) {
	t.Helper()
	d := queuetest.Take(t, i.Queue.Events())
	if err := json.Unmarshal(d.Data, &e); err != nil {
		t.Fatal(err)
	}
	stored := []byte(fmt.Sprintf(`{"event":%q,"data":[%s]}`, e.Kind, e.Item))
	var sent struct{ Data []struct{ Text string } }
	body := i.revealed(t, e.Kind, stored)
	if err := json.Unmarshal(body, &sent); err != nil {
		t.Fatal(err)
	}
	if text = sent.Data[0].Text; text != "" && strings.Contains(string(d.Data), text) {
		t.Errorf("the text is stored in the clear: %s", d.Data)
	}
	if again := i.revealed(t, e.Kind, stored); string(again) != string(body) {
		t.Error("a body is sent in two forms")
	}
	return e, text
}

func (i *Inbox) revealed(t *testing.T, kind otp.EventKind, stored []byte) []byte {
	t.Helper()
	body, err := i.Reveal(kind, stored)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// TestTextOfAnotherKeyWaits: while a key is changed a daemon may get what it has no key for yet. It sends no
// empty text in its place, and takes a part for none only when nobody can open those before it.
func TestTextOfAnotherKeyWaits(t *testing.T) {
	i := newInbox(t, otp.App{Name: "shop", Senders: []string{"Shop"}, MOURL: "http://127.0.0.1/mo"})
	before, key := seal.NewKey(), seal.NewKey()
	late := *i
	var err error
	if late.Box, err = seal.New(before); err != nil {
		t.Fatal(err)
	}
	if i.Box, err = seal.New(key, before); err != nil {
		t.Fatal(err)
	}
	if _, err := i.Box.Adopt(late.Box.Anchor()); err != nil {
		t.Fatal(err)
	}
	part := Message{Link: "c", From: "46701234567", To: "Shop", Text: "one, ", Reference: 7, Part: 1, Parts: 2}
	i.mustTake(t, part)
	part.Part, part.Text = 2, "two"
	if _, err := late.take(t.Context(), part); !errors.Is(err, seal.ErrKey) {
		t.Errorf("a part behind one of another key: %v", err)
	}
	i.mustTake(t, part)
	d := queuetest.Take(t, i.Queue.Events())
	var e otp.Event
	if err := json.Unmarshal(d.Data, &e); err != nil {
		t.Fatal(err)
	}
	stored := []byte(fmt.Sprintf(`{"event":%q,"data":[%s]}`, e.Kind, e.Item))
	if body, err := late.Reveal(e.Kind, stored); !errors.Is(err, seal.ErrKey) {
		t.Errorf("a text of another key is sent as %s, %v", body, err)
	}
	if body := i.revealed(t, e.Kind, stored); !strings.Contains(string(body), "one, two") {
		t.Errorf("with its key: %s", body)
	}
}

func (i *Inbox) mustTake(t *testing.T, m Message) string {
	t.Helper()
	m.Parts = max(m.Parts, 1)
	result, err := i.take(context.Background(), m)
	if err != nil {
		t.Fatal(err)
	}
	return result
}

// TestPartsComeInAnyOrder, twice, and at once on several daemons: one message is told.
func TestPartsComeInAnyOrder(t *testing.T) {
	i := newInbox(t, otp.App{Name: "shop", Senders: []string{"Shop"}, MOURL: "http://127.0.0.1/mo"})
	part := func(reference uint16, n int) Message {
		return Message{Link: "c", From: "46701234567", To: "Shop", Text: fmt.Sprint("<", n, ">"), Reference: reference, Part: n, Parts: 3}
	}
	for _, n := range []int{3, 1, 3} {
		if got := i.mustTake(t, part(7, n)); got != resultPart {
			t.Errorf("part %d: %s", n, got)
		}
	}
	if got := i.mustTake(t, part(8, 2)); got != resultPart { // another message
		t.Errorf("another message's part: %s", got)
	}
	if got := i.mustTake(t, part(7, 2)); got != resultReceived {
		t.Errorf("the last part: %s", got)
	}
	if e, text := event(t, i); text != "<1><2><3>" || e.App != "shop" || e.Kind != Received {
		t.Errorf("%+v %q", e, text)
	}
	var wg sync.WaitGroup
	results := make(chan string, 3)
	for n := 1; n <= 3; n++ {
		wg.Go(func() {
			m := part(9, n)
			result, err := i.take(context.Background(), m)
			if err != nil {
				t.Error(err)
			}
			results <- result
		})
	}
	wg.Wait()
	close(results)
	whole := 0
	for r := range results {
		if r == resultReceived {
			whole++
		}
	}
	if whole != 1 {
		t.Errorf("%d times whole, want once", whole)
	}
}

// TestWhoseMessageItIs: the sender that was written to says which application it is for.
func TestWhoseMessageItIs(t *testing.T) {
	apps := []otp.App{
		{Name: "shop", Senders: []string{"Shop", "447700900123"}, MOURL: "http://127.0.0.1/shop"},
		{Name: "bank", Senders: []string{"36111"}, MOURL: "http://127.0.0.1/bank"},
		{Name: "mute", Senders: []string{"Mute"}},
	}
	i := newInbox(t, apps...)
	for to, want := range map[string]string{"SHOP": "shop", "447700900123": "shop", "+447700900123": "shop", "07700900123": "shop", "36111": "bank",
		"Mute": "", "6111": "", "900123": "", "": ""} {
		result := i.mustTake(t, Message{Link: "c", From: "46701234567", To: to, Text: "hello"})
		if want == "" {
			if result != resultCounted {
				t.Errorf("to %q: %s", to, result)
			}
			continue
		}
		if e, _ := event(t, i); e.App != want {
			t.Errorf("to %q: told %s, want %s", to, e.App, want)
		}
	}
	// Nobody's parts are not kept.
	if result := i.mustTake(t, Message{Link: "c", From: "46701234567", To: "Mute", Part: 1, Parts: 2}); result != resultCounted {
		t.Errorf("a part to one who does not listen: %s", result)
	}
	// A STOP to nobody's address is for all.
	if result := i.mustTake(t, Message{Link: "c", From: "46701234567", To: "999", Text: "stop"}); result != resultStop {
		t.Errorf("STOP: %s", result)
	}
	for _, app := range apps {
		if out, err := i.List.Has(app.Name, "+46701234567"); err != nil || !out {
			t.Errorf("%s: %v, %v", app.Name, out, err)
		}
	}
}

func TestMessageThatCannotBeStoredIsAnError(t *testing.T) {
	i := newInbox(t, otp.App{Name: "shop", Senders: []string{"Shop"}, MOURL: "http://127.0.0.1/mo"})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, m := range []Message{{To: "Shop", Text: "stop", Parts: 1}, {To: "Shop", Text: "hello", Parts: 1}, {To: "Shop", Part: 1, Parts: 2}} {
		if err := i.Take(ctx, m); err == nil {
			t.Errorf("%q: answered OK", m.Text)
		}
	}
}

// TestNothingToTellAsksTheStoreNothing: an application without a URL is told nothing, and a reply without a route
// does not go out; neither costs an append.
func TestNothingToTellAsksTheStoreNothing(t *testing.T) {
	i := newInbox(t)
	i.Route = func(otp.Traffic) (string, error) { return "", errors.New("no route") }
	from, ok := phone.Parse("+46701234567", "")
	if !ok {
		t.Fatal("no number")
	}
	queuetest.Close(t, i.Queue)
	app := &otp.App{Name: "quiet"}
	if err := i.tellOptOut(t.Context(), app, Message{}, from, false); err != nil {
		t.Errorf("told: %v", err)
	}
	if err := i.reply(t.Context(), app, Message{}, from, "help"); err != nil {
		t.Errorf("replied: %v", err)
	}
}

// TestStopIsStoredWithWhatFollows: a STOP whose callback finds no room is refused, and none of it is done. When it
// comes again the number is on the list, the application is told and the handset gets its reply.
func TestStopIsStoredWithWhatFollows(t *testing.T) {
	app := otp.App{Name: "shop", Senders: []string{"Shop"}, From: "Shop", MOURL: "http://127.0.0.1/mo", StopReply: "You get no more."}
	i := newInbox(t, app)
	q := queuetest.Open(t, queuetest.WithBounds(queue.Bounds{Events: queue.Bound{Msgs: 1}}))
	i.Queue, i.List = q, optout.New(q.OptOuts(), i.Box)
	if err := i.tell(t.Context(), &otp.App{Name: "another"}, app.MOURL, Received, 1); err != nil {
		t.Fatal(err)
	}
	taken := func() *queue.Delivery {
		t.Helper()
		d := queuetest.Take(t, q.Events())
		if err := d.Ack(t.Context()); err != nil {
			t.Fatal(err)
		}
		return d
	}
	stop := Message{Link: "c", From: "46701234567", To: "Shop", Text: "STOP", Parts: 1, Received: q.Now()}
	if err := i.Take(t.Context(), stop); !errors.Is(err, queue.ErrFull) {
		t.Fatalf("without room: %v", err)
	}
	if on, err := i.List.Has("shop", "+46701234567"); on || err != nil {
		t.Errorf("half of it was done: %v, %v", on, err)
	}
	taken()
	if got := i.mustTake(t, stop); got != resultStop {
		t.Error(got)
	}
	if on, err := i.List.Has("shop", "+46701234567"); !on || err != nil {
		t.Errorf("on the list: %v, %v", on, err)
	}
	if d := taken(); !strings.Contains(string(d.Data), "OPTED_OUT") {
		t.Errorf("told: %s", d.Data)
	}
	sms := queuetest.Take(t, q.SMS(queuetest.Route))
	reply, err := queue.ParseOutbound(sms.Data)
	if err == nil {
		err = sms.Ack(t.Context())
	}
	if err != nil || reply.To != "+46701234567" {
		t.Errorf("reply to %s, %v", reply.To, err)
	}
	if got := i.mustTake(t, stop); got != resultStop { // again: told, and not answered
		t.Error(got)
	}
	if d := taken(); !strings.Contains(string(d.Data), "OPTED_OUT") {
		t.Errorf("told again: %s", d.Data)
	}
	stats, err := q.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range stats.Streams {
		if strings.HasPrefix(s.Name, "sms.") && s.Msgs != 0 {
			t.Errorf("%d replies more", s.Msgs)
		}
	}
}
