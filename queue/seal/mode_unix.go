//go:build unix

package seal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

func checkMode(info fs.FileInfo) error {
	if m := info.Mode().Perm(); m&0o077 != 0 {
		return fmt.Errorf("mode %04o lets others read it; chmod 600 it", m)
	}
	return nil
}

// syncDir makes the new name survive a power cut.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
