package queue

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/rs/zerolog"
)

// serverMemory bounds JetStream's memory storage: only RATE is there.
const serverMemory = 64 << 20

// embedded is a NATS server in this process.
type embedded struct {
	ns   *server.Server
	lock *os.File // held while the store is open
	disk *disk
}

// startEmbedded locks the data directory and starts the server on it. It also returns the factor of the
// bounds, so that the store has its size.
func startEmbedded(ctx context.Context, o Options, list []asset) (*embedded, float64, error) {
	dir := filepath.Join(o.Dir, "nats")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, 0, fmt.Errorf("queue: data directory: %w", err)
	}
	lock, err := lockFile(filepath.Join(o.Dir, "nats.lock"))
	if err != nil {
		return nil, 0, err
	}
	e := &embedded{lock: lock, disk: newDisk(o)}
	scale, err := fit(o, list)
	if err != nil {
		e.stop()
		return nil, 0, err
	}
	if err := e.start(ctx, o, dir); err != nil {
		e.stop()
		return nil, 0, err
	}
	return e, scale, nil
}

func (e *embedded) start(ctx context.Context, o Options, dir string) error {
	// The bound of the whole store is left open on purpose: reaching it fails every stream, and it would
	// refuse the smaller bounds of a start with less disk. What bounds the store is the sum of the streams'
	// bounds, see fit.
	ns, err := server.NewServer(&server.Options{ServerName: "otpgw", DontListen: true, NoSigs: true, JetStream: true, StoreDir: dir,
		JetStreamMaxMemory: serverMemory, JetStreamMaxStore: 1 << 60, SyncInterval: o.SyncInterval, SyncAlways: o.SyncAlways})
	if err != nil {
		return fmt.Errorf("queue: embedded NATS server: %w", err)
	}
	ns.SetLoggerV2(serverLog{o.Log.With().Str("part", "nats-server").Logger(), e.disk.broke}, false, false, false)
	e.ns = ns
	began := time.Now()
	ns.Start() // reads the whole store
	wait := openTimeout
	if end, ok := ctx.Deadline(); ok {
		wait = time.Until(end)
	}
	if !ns.JetStreamEnabled() || !ns.ReadyForConnections(wait) {
		return fmt.Errorf("queue: the embedded NATS server did not start on %s; see the log", dir)
	}
	o.Log.Info().Str("dir", dir).Dur("took", time.Since(began)).Str("version", server.VERSION).Msg("embedded NATS server started")
	return nil
}

// stop shuts the server down, waits for it, and lets another process have the directory.
func (e *embedded) stop() {
	if e.ns != nil {
		e.ns.Shutdown()
		e.ns.WaitForShutdown()
	}
	unlockFile(e.lock)
}

func diskUsed(dir string) (int64, error) {
	var sum int64
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return ignoreMissing(err)
		}
		info, err := d.Info()
		if err == nil {
			sum += info.Size()
		}
		return ignoreMissing(err)
	})
	return sum, err
}

// existing is the directory, or the one that it will be made in.
func existing(dir string) string {
	for {
		if _, err := os.Stat(dir); err == nil || filepath.Dir(dir) == dir {
			return dir
		}
		dir = filepath.Dir(dir)
	}
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// serverLog hands the server's lines to ours. Its notices are of no interest to who runs the gateway. A write
// that failed is told here alone: who asked for it is not answered (nats-server stream.go,
// processJetStreamMsg).
type serverLog struct {
	log         zerolog.Logger
	writeFailed func(error)
}

// writeErrors are how the server's lines of a store that failed for good begin (filestore.go, stream.go).
var writeErrors = []string{"Critical write error: ", "JetStream stream '%s > %s' critical write error: "}

func (l serverLog) Errorf(f string, v ...any) {
	l.log.Error().Msgf(f, v...)
	if slices.ContainsFunc(writeErrors, func(begin string) bool { return strings.Contains(f, begin) }) {
		l.writeFailed(fmt.Errorf(f, v...))
	}
}

func (l serverLog) Noticef(f string, v ...any) { l.log.Debug().Msgf(f, v...) }
func (l serverLog) Warnf(f string, v ...any)   { l.log.Warn().Msgf(f, v...) }
func (l serverLog) Fatalf(f string, v ...any)  { l.log.Error().Msgf(f, v...) }
func (l serverLog) Debugf(f string, v ...any)  { l.log.Debug().Msgf(f, v...) }
func (l serverLog) Tracef(f string, v ...any)  { l.log.Trace().Msgf(f, v...) }
