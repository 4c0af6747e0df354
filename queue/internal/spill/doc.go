// Package spill keeps values that are seldom asked for in a file of the process, in place of its memory.
//
//	Write  -> block of values, compressed and sealed -> segment of 64 MiB; each value has a Place from then on
//	Locate -> the value's segment, as long as that is there -> Read: one read of a block, or none
//	Drop   -> the value is not needed any more; a segment of which none is goes
//
// The file is no store: what is in it has been stored elsewhere, and ends with the process. So it is never
// synced, has no name where the system allows that, and is sealed with a key that only the process has: what
// it leaves on the disk cannot be read, and what comes back is what was written, or an error.
package spill
