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

// leastStore is the disk space below which starting makes no sense.
const leastStore = 64 * mib

// embedded is a NATS server in this process.
type embedded struct {
	ns   *server.Server
	lock *os.File // held while the store is open
	disk *disk
}

// startEmbedded locks the data directory and starts the server on it. It also returns the factor by which the
// byte limits must shrink to fit the disk, 1 for not at all.
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
	scale, err := fit(o.Log, dir, list)
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
	// The limit of the whole store is left open on purpose: reaching it fails every stream, and it would
	// refuse the smaller limits of a start with less disk. What bounds the store is the sum of the streams'
	// limits, see fit.
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

// fit compares the sum of the byte limits with the disk: a full disk fails every write until a restart. A
// quarter is left free, for deleted messages keep their place until their block is rewritten.
func fit(log zerolog.Logger, dir string, list []asset) (float64, error) {
	free, err := diskFree(dir)
	if err != nil {
		return 0, fmt.Errorf("queue: free space of %s: %w", dir, err)
	}
	used, err := diskUsed(dir)
	if err != nil {
		return 0, fmt.Errorf("queue: size of %s: %w", dir, err)
	}
	room := (free + used) / 4 * 3
	if room < leastStore {
		return 0, fmt.Errorf("queue: %d MiB of disk are left for %s, at least %d are needed", room/mib, dir, leastStore/mib)
	}
	var sum int64
	for _, a := range list {
		sum += a.limit.Bytes
	}
	if sum <= room {
		log.Info().Int64("limitMiB", sum/mib).Int64("freeMiB", free/mib).Msg("the store's limit is below the free disk space")
		return 1, nil
	}
	log.Warn().Int64("wantedMiB", sum/mib).Int64("limitMiB", room/mib).Int64("freeMiB", free/mib).
		Msg("the disk is smaller than the store's limits; all of them are reduced to fit")
	return float64(room) / float64(sum), nil
}

// scaleLimits shrinks bytes and, with them, counts: the count is to be what fills first.
func scaleLimits(list []asset, scale float64) {
	if scale >= 1 {
		return
	}
	for i := range list {
		list[i].limit.Bytes = max(int64(float64(list[i].limit.Bytes)*scale), 1)
		if list[i].limit.Msgs > 0 {
			list[i].limit.Msgs = max(int64(float64(list[i].limit.Msgs)*scale), 1)
		}
	}
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
