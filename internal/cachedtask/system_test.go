package cachedtask

import "testing"

func TestDistribution(t *testing.T) {
	for release, want := range map[string]string{
		"PRETTY_NAME=\"Debian GNU/Linux 12\"\nVERSION_ID=\"12\"\nID=debian\n": "debian/12",
		"ID='alpine'\nVERSION_ID=3.22.1\nID_LIKE=x":                           "alpine/3.22.1",
		"ID=arch\n": "arch/", // it rolls
		"":          "/",
	} {
		if got := distribution(release); got != want {
			t.Errorf("%q: %s, want %s", release, got, want)
		}
	}
}
