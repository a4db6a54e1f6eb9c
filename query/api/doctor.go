package api

import "context"

// ExamineConnection finds out why a chat does not arrive.
func (s *service) ExamineConnection(ctx context.Context, in ExamineConnectionRequestObject) (ExamineConnectionResponseObject, error) {
	who, page := callerOf(ctx), ""
	if in.Body != nil {
		page = text(in.Body.Page)
	}
	found, err := s.Doctor.Examine(ctx, who.Principal, who.workspace, string(in.Provider), page)
	if err != nil {
		return nil, err
	}
	answer := ExamineConnection200JSONResponse{
		At: Moment(found.At), Cause: found.Cause, Headline: found.Headline, Page: found.Page, SuggestedPage: found.Suggested,
		Findings: make([]Finding, 0, len(found.Findings)),
	}
	for _, f := range found.Findings {
		answer.Findings = append(answer.Findings, Finding{
			Step: f.Step, Name: f.Name, State: FindingState(f.State), Text: f.Text, Means: f.Means, Fix: f.Fix, AsOf: moment(f.AsOf),
		})
	}
	return answer, nil
}
