package event

// upgrade turns the events of a format 1 record into those of today. There, the memory
// before and after a task was a separate event, and other events could come between it
// and the task's.
func upgrade(events []Stamped) []Stamped {
	if len(events) == 0 {
		return events
	}
	if first, ok := events[0].Event.(RunStarted); ok {
		if first.Format > 1 {
			return events
		}
		first.Format = 1
		events[0].Event = first
	}
	kept := events[:0]
	last := map[string]int{} // the place of a task's last event in kept
	for _, s := range events {
		switch e := s.Event.(type) {
		case TaskStarted:
			last[e.ID] = len(kept)
		case TaskFinished:
			last[e.ID] = len(kept)
		case Memory:
			at, known := last[e.Task]
			if !known || e.Moment != BeforeTask && e.Moment != AfterTask {
				break
			}
			switch t := kept[at].Event.(type) {
			case TaskStarted:
				t.Usage, t.Budget = e.Usage, e.Budget
				kept[at].Event = t
			case TaskFinished:
				t.Usage, t.Budget = e.Usage, e.Budget
				kept[at].Event = t
			}
			continue
		}
		kept = append(kept, s)
	}
	return kept
}
