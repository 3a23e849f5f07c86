# Forwards to dev.py, for fingers that type make.
.PHONY: run test install check bench fix long
run test install check bench fix:
	@python3 dev.py $@
long:
	@python3 dev.py test --long
