"""What deliver needs: claims, tries, outcomes, budgets, breaker, and what people do."""
