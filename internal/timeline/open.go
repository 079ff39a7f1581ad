package timeline

import (
	"slices"

	"github.com/heapmage/heapmage/internal/problem"
	"github.com/heapmage/heapmage/internal/rundir"
)

// newest is how many runs an error names.
const newest = 5

// Open reads a run of the workspace at root, and returns its ID too: the run that flag, such as
// "-run", was given as id, or the last one if id is empty. An error tells which runs there are.
func Open(root, flag, id string) (*Timeline, string, error) {
	ids := rundir.Recorded(root)
	switch {
	case len(ids) == 0:
		return nil, "", &problem.Error{Where: rundir.Name + "/runs", What: "no run is recorded yet", Hint: "run a build first"}
	case id == "":
		id = ids[0]
	case !slices.Contains(ids, id):
		return nil, "", &problem.Error{Where: flag + "=" + id, What: "no such run is recorded", Hint: "the newest are " + problem.ShortList(ids, newest)}
	}
	record, err := rundir.OpenRecord(root, id)
	if err != nil {
		return nil, "", &problem.Error{Where: "run " + id, What: "its record cannot be read", Cause: err, Hint: "make it readable, or name another run"}
	}
	defer record.Close()
	return Read(record), id, nil
}
