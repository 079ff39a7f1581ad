package proctable

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// ShmemFile identifies a file that is held in memory: one on tmpfs, or a memfd.
type ShmemFile struct {
	place         string
	device, inode uint64
}

// OpenShmem returns the sizes in memory of the tmpfs files and memfds that some processes
// hold open. It looks only at files whose place shows that they are in memory, so that a
// network file system which does not answer cannot hold it up. A process that has ended,
// or belongs to another user, holds none.
func OpenShmem(pids []int) map[ShmemFile]int64 {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil
	}
	points := tmpfsMounts(string(mounts))
	files := map[ShmemFile]int64{}
	for _, pid := range pids {
		dir := "/proc/" + strconv.Itoa(pid) + "/fd/"
		open, err := os.Open(dir)
		if err != nil {
			continue
		}
		names, _ := open.Readdirnames(-1) // what was read before an error is good
		_ = open.Close()
		for _, name := range names {
			if place, err := os.Readlink(dir + name); err == nil && inMemory(place, points) {
				if f, size := shmemFile(dir + name); size > 0 {
					f.place = place
					files[f] = size
				}
			}
		}
	}
	return files
}

// Size returns the size in memory of a file that may have been closed since, zero if it is
// gone from its place.
func (f ShmemFile) Size() int64 {
	now, size := shmemFile(f.place)
	now.place = f.place
	if now != f {
		return 0
	}
	return size
}

func shmemFile(path string) (f ShmemFile, size int64) {
	var s unix.Stat_t
	if unix.Stat(path, &s) != nil || s.Mode&unix.S_IFMT != unix.S_IFREG {
		return f, 0
	}
	return ShmemFile{device: uint64(s.Dev), inode: s.Ino}, s.Blocks * 512 //nolint:unconvert // 32 bits on some systems
}

// tmpfsMounts returns where tmpfs is mounted, by proc_pid_mountinfo(5).
func tmpfsMounts(mountinfo string) (points []string) {
	for line := range strings.Lines(mountinfo) {
		before, after, _ := strings.Cut(line, " - ")
		f := strings.Fields(before)
		if kind, _, _ := strings.Cut(after, " "); kind == "tmpfs" && len(f) > 4 {
			points = append(points, f[4])
		}
	}
	return points
}

// inMemory reports whether an open file is a memfd or below one of the mount points.
func inMemory(place string, points []string) bool {
	if strings.HasPrefix(place, "/memfd:") {
		return true
	}
	for _, p := range points {
		if strings.HasPrefix(place, p+"/") {
			return true
		}
	}
	return false
}
