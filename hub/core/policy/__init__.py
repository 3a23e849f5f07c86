"""The sending policy: who is told what, where and when. What is planned at publish
is screened again at the claim."""
