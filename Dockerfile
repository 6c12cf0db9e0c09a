# The course in a container: everything inside, no network needed to run it, not root.
#   docker build -t image-models .      with torch's usual build, which runs on an NVIDIA GPU and without one
#   docker run --rm -p 127.0.0.1:8888:8888 -v "$PWD/mine:/home/student/mine" image-models      then open the address that it prints
#   docker run --rm --network none -v "$PWD/submitted:/home/student/mine" image-models image-models-course mark mine --out mine/marks
FROM python:3.12-slim

# What pip is told beside their names, for both at once, since builds of two indexes do not fit together. With "--index-url" and
# the address that PyTorch's installation page names for the CPU the image is some gigabytes smaller.
ARG TORCH=
ARG UID=1000

RUN useradd --create-home --uid ${UID} student
RUN pip install --no-cache-dir ${TORCH} "torch>=2.11" "torchvision>=0.26"

COPY pyproject.toml README.md LICENSE LICENSE-TEXT /course/
COPY jupyter /course/jupyter
COPY data /course/data
COPY notebooks /course/notebooks
COPY docs/glossary.md docs/bibliography.md /course/docs/
COPY helpers /course/helpers
RUN pip install --no-cache-dir /course && rm -rf /course

USER student
WORKDIR /home/student
RUN image-models-course copy-notebooks image-models-course
ENV OMP_NUM_THREADS=1
EXPOSE 8888
CMD ["image-models-course", "lab", "--no-browser", "--ip=0.0.0.0"]
