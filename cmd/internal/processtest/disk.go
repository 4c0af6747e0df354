package processtest

import _ "embed"

// DiskVariable makes a daemon that BuildDaemon built keep beside its store what a power loss would leave of
// it: "FROM=TO", two absolute directories. Whatever it writes under FROM, TO has as it was when the file was
// last synced; who kills the daemon and starts another on TO sees what the machine would after its power came
// back.
//
// There, a file's contents are those of its last fsync, or of each write when it was opened with O_SYNC; one
// that was never synced is not there. Renames and removals happen at once, as a file system that keeps a
// journal may have them on disk before any later write; a rename of a file that was not synced leaves what
// was in its place. Directories are there as they are made.
//
// As with ClockVariable the product has no hook for that: the build puts other functions in the place of
// those of package os that change files. LD_PRELOAD does not reach a Go program, and a file system of ours
// needs FUSE.
const DiskVariable = "OTPGW_TEST_DISK"

//go:embed testdata/disk.go.txt
var diskSource string

// diskPatch is a package os that does so. Each function that changes files becomes an inner one of that name,
// and one of testdata/disk.go.txt takes its place.
var diskPatch = patch{pkg: "os", added: diskSource, edits: []edit{
	{"file.go", "func (f *File) Write(b []byte) (n int, err error) {", "func (f *File) innerWrite(b []byte) (n int, err error) {"},
	{"file.go", "func (f *File) WriteAt(b []byte, off int64) (n int, err error) {", "func (f *File) innerWriteAt(b []byte, off int64) (n int, err error) {"},
	{"file.go", "func OpenFile(name string, flag int, perm FileMode) (*File, error) {", "func innerOpenFile(name string, flag int, perm FileMode) (*File, error) {"},
	{"file.go", "func Rename(oldpath, newpath string) error {", "func innerRename(oldpath, newpath string) error {"},
	{"file.go", "func Mkdir(name string, perm FileMode) error {", "func innerMkdir(name string, perm FileMode) error {"},
	{"file_posix.go", "func (f *File) Truncate(size int64) error {", "func (f *File) innerTruncate(size int64) error {"},
	{"file_posix.go", "func (f *File) Sync() error {", "func (f *File) innerSync() error {"},
	{"file_unix.go", "func Truncate(name string, size int64) error {", "func innerTruncate(name string, size int64) error {"},
	{"file_unix.go", "func Remove(name string) error {", "func innerRemove(name string) error {"},
	{"path.go", "func RemoveAll(path string) error {", "func innerRemoveAll(path string) error {"},
}}
