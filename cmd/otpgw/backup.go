package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/rs/zerolog"

	"github.com/otpgw/otpgw/config"
	"github.com/otpgw/otpgw/queue"
)

// backupPause is how long whoever takes a backup may take for its next piece.
const backupPause = time.Minute

// backup answers POST /backup with all that is stored. It takes as long as it takes, so it is outside the
// time that others get.
func (a *admin) backup(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/octet-stream")
	out := &patientWriter{w, http.NewResponseController(w), 0}
	if err := a.queue.Backup(r.Context(), out); err != nil {
		a.log.Error().Err(err).Msg("backup failed")
		if out.n == 0 {
			fail(w, http.StatusServiceUnavailable, err.Error())
			return
		}
		panic(http.ErrAbortHandler) // so that the other side sees that it is not whole
	}
}

// patientWriter gives each piece its own time.
type patientWriter struct {
	io.Writer
	control *http.ResponseController
	n       int
}

func (w *patientWriter) Write(p []byte) (int, error) {
	if err := w.control.SetWriteDeadline(time.Now().Add(backupPause)); err != nil {
		return 0, err
	}
	n, err := w.Writer.Write(p)
	w.n += n
	return n, err
}

// backupTo has the gateway's store written into a file, which is there only when it is whole.
func (c cli) backupTo(ctx context.Context, path string) int {
	at, err := c.adminPort()
	if err == nil {
		err = at.backup(ctx, path)
	}
	if err != nil {
		fmt.Fprintf(c.stderr, "otpgw ctl: no backup: %v\n", err)
		return exitFailed
	}
	fmt.Fprintf(c.stdout, "the backup is in %s; what is secret in it is sealed with the secret key, which is not in it: keep that elsewhere\n", path)
	return exitOK
}

func (at adminClient) backup(ctx context.Context, path string) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	resp, done, err := at.do(ctx, http.MethodPost, "/backup", nil)
	if err != nil {
		return err
	}
	defer done()
	if resp.StatusCode != http.StatusOK {
		var said struct{ Error string }
		_ = json.NewDecoder(resp.Body).Decode(&said)
		return errors.New(cmp.Or(said.Error, resp.Status))
	}
	_, err = io.Copy(f, resp.Body)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// restoreCommand makes the store of a backup, before the gateway is started on it.
func restoreCommand(flags *flag.FlagSet) func(context.Context, cli) int {
	return func(ctx context.Context, c cli) int {
		conf, err := c.load(ctx)
		if err != nil {
			return complain(c.stderr, err)
		}
		if len(c.args) != 1 {
			fmt.Fprintln(c.stderr, "otpgw restore: name the file of the backup")
			return exitUsage
		}
		if err := restore(ctx, conf, c.args[0]); err != nil {
			fmt.Fprintf(c.stderr, "otpgw restore: %v\n", err)
			return exitFailed
		}
		fmt.Fprintf(c.stdout, "the store is in %s\n", conf.DataDir)
		return exitOK
	}
}

// restore wants the secret key that the store was sealed with: one made anew would open nothing.
func restore(ctx context.Context, conf *config.Config, path string) error {
	if _, err := os.Stat(conf.SecretKeyFile()); conf.SecretKey == nil && errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the store is sealed with a secret key, which no backup has: set OTPGW_SECRET_KEY, or put the key's file where it was: %s", conf.SecretKeyFile())
	}
	box, err := openBox(conf)
	if err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	options := queue.Options{Dir: conf.DataDir, URL: conf.NATS.URL, SyncInterval: conf.NATS.Sync, SyncAlways: conf.NATS.SyncAlways, Log: zerolog.Nop()}
	return queue.Restore(ctx, options, f, func(keys *queue.Bucket) error { return anchor(ctx, box, keys) })
}
