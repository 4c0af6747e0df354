package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"

	"github.com/otpgw/otpgw/config"
	"github.com/otpgw/otpgw/queue"
	"github.com/rs/zerolog"
)

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
	options := queue.Options{Dir: conf.DataDir, URL: conf.NATS.URL, SyncInterval: conf.NATS.Sync, SyncAlways: conf.NATS.SyncAlways,
		Size: conf.StoreSize, Log: zerolog.Nop()}
	return queue.Restore(ctx, options, f, func(keys *queue.Bucket) error { return anchor(ctx, box, keys) })
}
