"""Machine images."""

from __future__ import annotations

from fnmatch import fnmatchcase

from lab.cloud.aws.base import AwsBase
from lab.cloud.aws.resources import Image
from lab.cloud.errors import CloudError
from lab.cloud.store import Store
from lab.cloud.supply import Supply
from lab.origin import Origin

LINUX = "al2023-ami-kernel-6.1-x86_64"
SAG_VCPE = "sag-vcpe"

_CATALOGUE = ((LINUX, "Amazon Linux 2023", False), (SAG_VCPE, "Alibaba Cloud Smart Access Gateway vCPE", True))


class ImageOperations(AwsBase):
    def describe_images(self, name: str = "*") -> tuple[Image, ...]:
        """The images that the account may launch, whose name fits a pattern with `*` and `?`, as EC2's filters take it.

        That of SAG vCPE is not public: a ticket to Alibaba Cloud has it shared (`create_ticket`; document 000…, step 2.1).
        """
        return tuple(image for image in self._store.all(Image) if image.shared and fnmatchcase(image.name, name))

    def _image(self, image_id: str) -> Image:
        """Raises InvalidAMIID.NotFound."""
        image = self._get(Image, image_id)
        if not image.shared:
            raise CloudError(Image.NOT_FOUND, f"the image '{image_id}' is not shared with the account; ask its owner for it")
        return image


def publish_images(store: Store, supply: Supply) -> None:
    """Fill the catalogue of a new cloud. No customer's call: the images are of no operation."""
    with store.transaction():
        for name, description, sag_vcpe in _CATALOGUE:
            image_id = supply.aws_id("ami")
            origin = Origin(image_id, "")
            image = Image(
                id=image_id, origin=origin, name=name, description=description, sag_vcpe=sag_vcpe, shared=not sag_vcpe
            )
            store.put(image)
