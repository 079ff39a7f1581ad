package proc

// Self returns nothing: a job ends with the process that holds it, so nothing is left.
func Self() string { return "" }

// EndRun reports that nothing is left.
func EndRun(string, string) (ended bool) { return true }
