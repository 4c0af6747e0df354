// Command disk writes files in the ways that a store does, and says so; whoever reads the shadow sees which
// of it is durable.
package main

import (
	"os"
	"path/filepath"
)

func main() {
	dir := os.Args[1]
	must(os.MkdirAll(filepath.Join(dir, "a", "b"), 0o700))
	write := func(name string, flag int, texts ...string) *os.File {
		f, err := os.OpenFile(filepath.Join(dir, name), os.O_CREATE|os.O_RDWR|flag, 0o600)
		must(err)
		for _, text := range texts {
			_, err := f.WriteString(text)
			must(err)
		}
		return f
	}
	write("never", 0, "lost")

	f := write("appended", 0, "kept,")
	must(f.Sync())
	_, err := f.WriteString("lost")
	must(err)

	f = write("changed", 0, "old old")
	must(f.Sync())
	_, err = f.WriteAt([]byte("new"), 4)
	must(err)
	must(f.Sync())
	_, err = f.WriteAt([]byte("los"), 0)
	must(err)

	write("osync", os.O_SYNC, "each ", "write")

	f = write("cut", 0, "0123456789")
	must(f.Sync())
	must(f.Truncate(3))
	must(f.Sync())

	f = write("a/b/tmp", 0, "renamed")
	must(f.Sync())
	must(os.Rename(filepath.Join(dir, "a/b/tmp"), filepath.Join(dir, "a/b/name")))
	write("a/b/tmp", 0, "not synced")
	must(os.Rename(filepath.Join(dir, "a/b/tmp"), filepath.Join(dir, "a/b/name2")))

	must(write("gone", 0, "x").Sync())
	must(os.Remove(filepath.Join(dir, "gone")))
	must(os.MkdirAll(filepath.Join(dir, "tree"), 0o700))
	must(write("tree/x", 0, "x").Sync())
	must(os.Rename(filepath.Join(dir, "tree"), filepath.Join(dir, "tree2")))
	must(write("tree2/y", 0, "y").Sync())
	must(os.RemoveAll(filepath.Join(dir, "a", "nothing")))
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
