package queue_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/queue"
	"github.com/otpgw/otpgw/queue/queuetest"
	"github.com/otpgw/otpgw/queue/seal"
)

func TestSecondProcessIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	q := queuetest.Open(t, queuetest.Dir(dir))
	_, err := queue.Open(context.Background(), queuetest.Options(t, queuetest.Dir(dir)))
	if !errors.Is(err, queue.ErrInUse) {
		t.Fatalf("second open: %v", err)
	}
	queuetest.Close(t, q)
	queuetest.Open(t, queuetest.Dir(dir))
}

func TestOptionsThatCannotBe(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]queue.Options{
		"nothing":   {},
		"route":     {Dir: "x", Routes: []string{"a.b"}},
		"twice":     {Dir: "x", Routes: []string{"a", "a"}},
		"replicas":  {URL: "nats://127.0.0.1:1", Replicas: 6},
		"no server": {URL: "nats://127.0.0.1:1"},
	} {
		t.Run(name, func(t *testing.T) {
			o.Log = zerolog.Nop()
			if q, err := queue.Open(within(t, 200*time.Millisecond), o); err == nil {
				queuetest.Close(t, q)
				t.Fatal("opened")
			}
		})
	}
}

func TestReopenWithOtherRoutesAndLimits(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	q := queuetest.Open(t, queuetest.Dir(dir))
	publishN(t, q, 3)
	queuetest.Close(t, q)
	q = queuetest.Open(t, queuetest.Dir(dir), queuetest.Routes("default", "fr"),
		queuetest.WithBounds(queue.Bounds{SMS: queue.Bound{Msgs: 7}, Events: queue.Bound{Msgs: 100}}))
	s, err := q.Stats(context.Background())
	must(t, err)
	if one := streamOf(t, s, "sms."+queuetest.Route); one.Msgs != 3 || one.MaxMsgs != 7 {
		t.Fatalf("%+v", one)
	}
	pull(t, q.SMS("fr"), 1, 3)
}

const writerDir = "OTPGW_QUEUE_WRITER"

// writeForever is the process that TestKill kills: it prints each key and message once it is stored.
func writeForever(dir string) {
	q, err := queue.Open(context.Background(), queue.Options{Dir: dir, Routes: []string{queuetest.Route}, Log: zerolog.Nop(), ColdAtOnce: true})
	if err != nil {
		panic(err)
	}
	for i := 0; ; i++ {
		id := fmt.Sprint("m", i)
		if _, err := q.Records().Create(context.Background(), id, valueOf(id), time.Hour); err != nil {
			continue
		}
		if err := q.PublishSMS(context.Background(), sms(id)); err == nil {
			os.Stdout.WriteString(id + "\n")
		}
	}
}

// valueOf is what a record of a test has: so long that it may leave the memory.
func valueOf(id string) []byte { return bytes.Repeat([]byte(id+" "), 20) }

// TestKillLosesNothingAcknowledged: nor what had left the memory for the process's file, which is gone with it.
func TestKillLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), writerDir+"="+dir)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	var ids []string
	for r := bufio.NewReader(out); ; {
		line, err := r.ReadString('\n') // an unfinished line is not counted
		if err != nil {
			break
		}
		ids = append(ids, strings.TrimSpace(line))
		if len(ids) == 2000 { // and what is in the pipe by then
			must(t, cmd.Process.Kill())
		}
	}
	_ = cmd.Wait()
	if len(ids) < 2000 {
		t.Fatalf("only %d writes before the end", len(ids))
	}

	q := queuetest.Open(t, queuetest.Dir(dir), queuetest.Cold())
	ctx := within(t, 30*time.Second)
	for _, id := range ids {
		if e, err := q.Records().Get(ctx, id); err != nil || !bytes.Equal(e.Value, valueOf(id)) {
			t.Fatalf("record %s: %v", id, err)
		}
	}
	s, err := q.Stats(ctx)
	must(t, err)
	if n := streamOf(t, s, "sms."+queuetest.Route).Msgs; n < uint64(len(ids)) || n > uint64(len(ids)+1) {
		t.Fatalf("%d messages stored of %d acknowledged", n, len(ids))
	}
}

// What was sealed is nowhere in the store in the clear: not in a record, a message, or a dead letter.
func TestNothingInTheClear(t *testing.T) {
	t.Parallel()
	const secret = "code 4839201756"
	dir := t.TempDir()
	q := queuetest.Open(t, queuetest.Dir(dir))
	box, err := seal.New(seal.NewKey())
	must(t, err)
	ctx := within(t, 10*time.Second)
	o := sms("m1")
	o.Text = box.Seal([]byte(secret), queue.TextContext(o.Ref))
	must(t, q.PublishSMS(ctx, o))
	d := next(t, pull(t, q.SMS(queuetest.Route), 1, 0), 5*time.Second)
	got, err := queue.ParseOutbound(d.Data)
	must(t, err)
	if plain, err := box.Open(got.Text, queue.TextContext(got.Ref)); err != nil || string(plain) != secret {
		t.Fatalf("opened %q, %v", plain, err)
	}
	must(t, q.DeadLetter(ctx, queue.DeadLetter{Kind: "sms", Reason: "refused", Subject: d.Subject, Data: d.Data}))
	must(t, d.Ack(ctx))
	queuetest.Close(t, q)
	must(t, filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		if bytes.Contains(data, []byte(secret)) || bytes.Contains(data, []byte(base64.StdEncoding.EncodeToString([]byte(secret)))) {
			t.Errorf("%s holds the text", path)
		}
		return err
	}))
}

// Limits larger than the disk are reduced, and a store that was opened with larger ones opens with the
// smaller.
func TestLimitsFitTheDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	queuetest.Close(t, queuetest.Open(t, queuetest.Dir(dir)))
	var log bytes.Buffer
	o := queuetest.Options(t, queuetest.Dir(dir), queuetest.WithBounds(queue.Bounds{DeadLetters: queue.Bound{Bytes: 1 << 55}}))
	o.Log = zerolog.New(zerolog.SyncWriter(&log)) // the server writes too, until it is closed
	q, err := queue.Open(context.Background(), o)
	must(t, err)
	s, err := q.Stats(context.Background())
	queuetest.Close(t, q)
	must(t, err)
	if n := streamOf(t, s, "DLQ").MaxBytes; n >= 1<<50 || n < 1<<20 {
		t.Errorf("DLQ is limited to %d bytes", n)
	}
	if !strings.Contains(log.String(), "the disk is smaller than the store's limits") {
		t.Error("nothing in the log")
	}
}
