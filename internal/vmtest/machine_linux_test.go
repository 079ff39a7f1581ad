package vmtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/heapmage/heapmage/internal/debian"
)

// memory of the machine in MB, and the size of its swap space.
const memory, swap = 2048, 512

// machine is what a machine is made of: a folder with Debian's packages.
type machine struct{ debian string }

func newMachine(t *testing.T) machine {
	t.Helper()
	dir, err := debian.Unpack(t.Context(), debian.Packages{
		Whole: []string{"qemu-system-x86"}, Alone: []string{"busybox-static"}, Meta: []string{"linux-image-cloud-amd64"}})
	if err != nil {
		t.Fatal(err)
	}
	return machine{dir}
}

// find returns the only file of the packages that matches the pattern.
func (m machine) find(t *testing.T, pattern string) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(m.debian, pattern))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: found %v, %v", pattern, found, err)
	}
	return found[0]
}

// boot starts the machine with the initial file system, and returns what it wrote to its
// two serial ports once it is off: the kernel's log, and what the tests printed.
func (m machine) boot(ctx context.Context, t *testing.T, initial string) (log, printed []byte, err error) {
	t.Helper()
	dir := t.TempDir()
	logFile, printedFile := filepath.Join(dir, "log"), filepath.Join(dir, "printed")
	c := exec.CommandContext(ctx, m.find(t, "usr/bin/qemu-system-x86_64"),
		"-L", filepath.Join(m.debian, "usr/share/qemu"), "-L", filepath.Join(m.debian, "usr/share/seabios"),
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
		"-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", fmt.Sprint(memory),
		"-kernel", m.find(t, "boot/vmlinuz-*"), "-initrd", initial,
		"-append", "console=ttyS0 quiet panic=-1 psi=1 cgroup_no_v1=all mitigations=off nokaslr rdinit=/init",
		"-serial", "file:"+logFile, "-serial", "file:"+printedFile)
	c.Env = append(os.Environ(), debian.Libraries(m.debian))
	out, err := c.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%w\n%s", errors.Join(err, context.Cause(ctx)), out)
	}
	log, logErr := os.ReadFile(logFile)
	printed, printedErr := os.ReadFile(printedFile)
	return log, printed, errors.Join(err, logErr, printedErr)
}

// initScript is the machine's first process. Like a service manager it runs the tests in
// a cgroup beside which others can be made, and ends the machine after them.
const initScript = `#!/bin/busybox sh
/bin/busybox mkdir -p /sbin /usr/bin /usr/sbin /proc /sys /dev /tmp /run /root /etc
/bin/busybox --install -s
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/shm /dev/pts
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t tmpfs tmpfs /tmp
mount -t cgroup2 -o nsdelegate cgroup2 /sys/fs/cgroup
echo root:x:0:0:root:/root:/bin/sh >/etc/passwd
echo user:x:1000:1000:user:/tmp:/bin/sh >>/etc/passwd
ip link set lo up
stty -F /dev/ttyS1 raw -echo
insmod /brd.ko rd_nr=1 rd_size=$SWAP && mkswap /dev/ram0 >/dev/null && swapon /dev/ram0
cd /sys/fs/cgroup
echo +memory +cpu >cgroup.subtree_control
mkdir -p machine.slice/tests.service
echo +memory +cpu >machine.slice/cgroup.subtree_control
echo $$ >machine.slice/tests.service/cgroup.procs
cd /tmp
sh /tests.sh >/dev/ttyS1 2>&1
sync
reboot -f
`
