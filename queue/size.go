package queue

import (
	"fmt"
	"path/filepath"

	"github.com/rs/zerolog"
)

// How large the store may become on disk: the log, two of its snapshots (the older one stays until the newer
// is whole), the file of the values that left the memory, and the other streams, each its share. What the
// shares come to is Options.Size; the table of assets, snapshotBound and coldBound are those of the default.
// The file is on the daemon's own disk, also where the rest is on the servers'. By what an OTP takes in it and
// in two snapshots, the snapshots are full first.
const (
	leastStore    = 64 * mib // below it starting makes no sense
	snapshotBound = 8 * gib
	coldBound     = 2 * gib
)

// sizeOf is what bounds come to on disk.
func sizeOf(list []asset) int64 {
	sum := int64(snapshotBound + coldBound)
	for _, a := range list {
		if a.form != countForm {
			sum += a.bound.Bytes
		}
	}
	return sum
}

// StoreSize is how much of its disk an embedded store in a directory may take: what is asked for, which has
// to fit, or for 0 the default, or what fits.
func StoreSize(dir string, size int64) (int64, error) {
	return storeSize(dir, size, DefaultSize())
}

func storeSize(dir string, size, most int64) (int64, error) {
	room, err := diskRoom(dir)
	switch {
	case err != nil:
		return 0, err
	case room < leastStore:
		return 0, fmt.Errorf("queue: %d MiB of disk are left for %s, at least %d are needed", room/mib, dir, leastStore/mib)
	case size > room:
		return 0, fmt.Errorf("queue: the store may take %d MiB (OTPGW_STORE_SIZE), and the disk of %s has %d MiB for it: three quarters of what is free or the store's; set less, or 0 for what fits",
			size/mib, dir, room/mib)
	case size > 0:
		return size, nil
	}
	return min(most, room), nil
}

// diskRoom is what a store in a directory may take: a full disk fails every write until a restart. A quarter
// is left free, for deleted messages keep their place until their block is rewritten.
func diskRoom(dir string) (int64, error) {
	nats := filepath.Join(dir, "nats")
	used, err := diskUsed(nats)
	if err != nil {
		return 0, fmt.Errorf("queue: size of %s: %w", nats, err)
	}
	free, err := diskFree(existing(dir))
	if err != nil {
		return 0, fmt.Errorf("queue: free space of %s: %w", dir, err)
	}
	return (free + used) / 4 * 3, nil
}

// fit is the factor of the bounds, so that an embedded store has its size.
func fit(o Options, list []asset) (float64, error) {
	most := sizeOf(list)
	size, err := storeSize(o.Dir, o.Size, most)
	if err != nil {
		return 0, err
	}
	level, message := zerolog.InfoLevel, "the store's limit on the disk"
	if o.Size == 0 && size < most {
		level, message = zerolog.WarnLevel, "the disk is smaller than the store's limits; all of them are reduced to fit"
	}
	o.Log.WithLevel(level).Int64("limitMiB", size/mib).Int64("defaultMiB", most/mib).Msg(message)
	return float64(size) / float64(most), nil
}

// scaleBounds changes bytes and, with them, those counts that nobody has asked for: the count is to be what
// fills first.
func scaleBounds(list []asset, scale float64) {
	if scale == 1 {
		return
	}
	for i, usual := range assets(Options{}) {
		list[i].bound.Bytes = max(int64(float64(list[i].bound.Bytes)*scale), 1)
		if list[i].bound.Msgs > 0 && list[i].bound.Msgs == usual.bound.Msgs {
			list[i].bound.Msgs = max(int64(float64(list[i].bound.Msgs)*scale), 1)
		}
	}
}

// DefaultSize is what a store may take where nothing is said and the disk is large enough.
func DefaultSize() int64 { return sizeOf(assets(Options{})) }

// Capacity is how many OTPs a store of a size carries at once: as many as two snapshots of them have room
// for.
func Capacity(size int64) float64 {
	share := float64(snapshotBound) / float64(DefaultSize())
	return float64(size) * share / (2 * snapshotEach)
}

// snapshotEach is what an OTP takes in a snapshot, in octets; make volume measures it.
const snapshotEach = 450
