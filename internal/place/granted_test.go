package place

import (
	"testing"

	"github.com/heapmage/heapmage/internal/environ"
	"github.com/heapmage/heapmage/memtools"
)

func TestGranted(t *testing.T) {
	const most = 100 * memtools.MB
	for value, want := range map[string]memtools.Bytes{
		"": most, "1048576": memtools.MB, "209715200": most, "0": most, "-5": most, "5GB": most,
	} {
		if got := granted([]string{environ.Grant + "=" + value}, most); got != want {
			t.Errorf("%q grants %v", value, got)
		}
	}
}
